"""The desk's mailings: a life whose steps make sense, an edit that overwrites nobody, a test before anything leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from support.factories import make_account, make_mailing, make_petition, make_signature, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.mailings import actions, lifecycle, test_emails
from petition.mailings.audience.preview import count_audience
from petition.mailings.models import MAILING_STATES, Mailing
from petition.mailings.scheduler import process_mailings
from petition.team.models import AuditEvent


def form(petition, **overrides):
    return {
        "name": "First news", "sender_name": "Les amis", "timezone": "Europe/Paris", "petitions": petition.id,
        "subject_fr": "Bonjour", "body_fr": "Bonjour {{ name }}", "version": 1, **overrides,
    }  # fmt: skip


@pytest.mark.parametrize("state", MAILING_STATES)
@pytest.mark.parametrize("step", lifecycle.TRANSITIONS)
def test_a_step_is_taken_where_it_makes_sense_refused_elsewhere_and_on_record(app, state, step):
    mailing = make_mailing(make_petition(), state=state)
    before, after = lifecycle.TRANSITIONS[step]
    if state in before:
        lifecycle.transition(step, mailing)
        assert mailing.state == after
        event = db.session.query(AuditEvent).one()
        assert (event.action, event.before) == (f"mailing.{step}", {"state": state})
    else:
        with pytest.raises(lifecycle.InvalidMailingTransition):
            lifecycle.transition(step, mailing)
        assert mailing.state == state


def test_two_editors_never_overwrite_each_other_silently(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    mailing = make_mailing(petition)
    edit = f"/desk/mailings/{mailing.id}/edit"
    assert post_form(client, edit, **form(petition, subject_fr="Mine")).status_code == 303
    late = post_form(client, edit, **form(petition, subject_fr="Theirs"))
    assert late.status_code == 409
    assert "Mine" in late.text
    assert 'value="Theirs"' in late.text
    db.session.expire_all()
    assert mailing.texts["fr"].subject == "Mine"
    assert post_form(client, edit, **form(petition, subject_fr="Theirs", version=2)).status_code == 303


def test_what_cannot_be_sent_is_refused_with_its_line_and_nothing_typed_is_lost(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    answer = post_form(
        client, "/desk/mailings/new?lang=en", **form(petition, body_fr="Bonjour\n\n{{ nom }}", per_hour="many")
    )
    assert answer.status_code == 422
    assert "line 3: {{ nom }} is not known" in answer.text
    assert 'value="many"' in answer.text
    assert db.session.query(Mailing).count() == 0


@pytest.mark.parametrize("field", [
    {"name": "x" * 5000}, {"petitions": 10**30}, {"petitions": "x"}, {"per_hour": -1}, {"undo_minutes": "1e9"},
    {"confirmed_from": "0000-00-00"}, {"country": "ZZZ"},
    {"confirmed_from": "2026-02-01", "confirmed_until": "2026-01-01"},
    {"timezone": "../../etc/passwd"}, {"reply_to": "x"}, {"reply_to": "a@b.c\r\nBcc: x@y.z"}, {"body_fr": "{{"},
    {"languages": "xx"}, {"received": "1;DROP"}, {"failure_limit": "lots"}, {"subject_fr": ""}, {"version": "x" * 50},
    {"professions": "\0"}, {"city": "\ud800"}, {"party": "robot"},
])  # fmt: skip
def test_odd_input_is_an_error_of_the_form_and_never_of_the_server(client, field):
    petition = make_petition()
    sign_in(client, "campaigner")
    values = form(petition, **field)
    values = {k: v.encode("utf-8", "surrogatepass") if isinstance(v, str) else v for k, v in values.items()}
    assert post_form(client, "/desk/mailings/new", **values).status_code in (303, 422)


@pytest.mark.parametrize("between", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "\0"])
@pytest.mark.parametrize("field", ["sender_name", "subject_fr"])
def test_what_goes_into_a_header_is_one_line(client, field, between):
    sign_in(client, "campaigner")
    typed = form(make_petition(), **{field: f"Zoé{between}Bcc: x@example.org"})
    answer = post_form(client, "/desk/mailings/new", **typed)
    assert answer.status_code in (303, 422)
    for mailing in db.session.query(Mailing):
        assert mailing.sender_name.isprintable()
        assert mailing.texts["fr"].subject.isprintable()


@pytest.mark.parametrize("path", ["", "/edit", "/preview", "/preview?as=99&language=xx&width=x",
                                  "/recipients?after=" + "9" * 40,
                                  "/preview/letter?as=-1", "/recipients?state=x&after=-5"])  # fmt: skip
def test_pages_take_whatever_an_address_says(client, path):
    sign_in(client, "sender")
    mailing = make_mailing(make_petition())
    assert client.get(f"/desk/mailings/{mailing.id}{path}").status_code == 200
    assert client.get(f"/desk/mailings/{10**30}{path}").status_code == 404
    assert client.get(f"/desk/mailings/999{path}").status_code == 404


def test_a_test_is_required_in_each_language_and_again_after_an_edit(app, client, sent_emails):
    petition = make_petition()
    account = sign_in(client, "sender", password="four words are enough")
    mailing = make_mailing(petition)
    number = mailing.id

    def planned():
        post_form(client, f"/desk/mailings/{number}/schedule")
        db.session.expire_all()
        return db.session.get(Mailing, number).state

    assert planned() == "draft"
    post_form(client, f"/desk/mailings/{number}/tests", colleague=account.id)
    assert planned() == "tested", "the tests have not left yet"
    run_queue("notifications")
    assert {(letter.to, letter.locale) for letter in sent_emails} == {(account.email, "fr"), (account.email, "en")}
    assert all("/u/test" in letter.body and "/u/test" in letter.html for letter in sent_emails)
    assert planned() == "scheduled"
    post_form(client, f"/desk/mailings/{number}/unschedule")
    post_form(client, f"/desk/mailings/{number}/edit", **form(petition))
    assert planned() == "draft"


def test_nothing_leaves_before_the_undo_window_has_passed(app, sent_emails, monkeypatch):
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True)
    mailing = make_mailing(petition, state="tested", tested_version=1, undo_minutes=5)
    monkeypatch.setattr(actions, "list_untested_languages", lambda _: [])
    actions.schedule(mailing, None, None)
    db.session.commit()
    assert timedelta(minutes=4.9) < mailing.send_at - clock.now() <= timedelta(minutes=5)
    process_mailings()
    assert db.session.query(Delivery).filter_by(kind="mailing").count() == 0
    for moment in (clock.now() - timedelta(hours=1), clock.now() + timedelta(days=999)):
        actions.unschedule(mailing)
        with pytest.raises(DomainError):
            actions.schedule(mailing, moment, None)
        mailing.state = "scheduled"


def test_a_time_is_the_campaigns(client, monkeypatch):
    sign_in(client, "sender")
    monkeypatch.setattr(actions, "list_untested_languages", lambda _: [])
    mailing = make_mailing(make_petition(), state="tested", tested_version=1, timezone="Pacific/Auckland")
    year = clock.now().year + 1
    post_form(client, f"/desk/mailings/{mailing.id}/schedule", at=f"{year}-01-15T09:00")
    db.session.expire_all()
    assert mailing.send_at == datetime(year, 1, 14, 20, tzinfo=UTC)
    mailing.state, mailing.send_at = "tested", None
    db.session.commit()
    for at in ("soon", "9" * 50, "0001-01-01T00:00", "9999-12-31T23:59"):
        assert post_form(client, f"/desk/mailings/{mailing.id}/schedule", at=at).status_code == 303
    db.session.expire_all()
    assert mailing.state == "tested"


def test_the_audience_is_counted_exactly_with_who_is_left_out_and_why(app):
    petition = make_petition()
    for n, (state, updates, locale) in enumerate(
        [("confirmed", True, "fr"), ("confirmed", True, "en"), ("confirmed", False, "fr"), ("pending", True, "fr"),
         ("withdrawn", True, "fr"), ("invalidated", True, "fr")]):  # fmt: skip
        make_signature(petition, email=f"s{n}@example.org", state=state, updates=updates, locale=locale)
    mailing = make_mailing(petition)
    found = count_audience(mailing)
    assert (found["recipients"], found["languages"], found["domains"]) == (2, {"fr": 1, "en": 1}, [["example.org", 2]])
    assert found["left_out"] == {"no consent": 1, "not confirmed": 1, "withdrawn or struck": 2, "suppressed": 0}


def test_a_colleague_who_left_gets_no_test(app):
    mailing = make_mailing(make_petition())
    with pytest.raises(DomainError):
        test_emails.enqueue_tests(mailing, [make_account(active=False)], "alix")


def test_a_preview_and_a_test_hold_no_link_of_a_signers_own(client):
    sign_in(client, "campaigner")
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True)
    texts = {"fr": {"subject": "x", "body": "{{ personal_link }} [page]({{ personal_link }})"}}
    mailing = make_mailing(petition, texts=texts)
    shown = client.get(f"/desk/mailings/{mailing.id}/preview/letter").text
    assert "/me/test" in shown
    assert shown.count("/me/") == shown.count("/me/test")
    assert shown.count("/u/") == shown.count("/u/test")
