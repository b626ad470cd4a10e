"""Schedule, pause, resume, cancel, add recipients."""

from datetime import timedelta

import pytest
from support.factories import make_mailing, make_petition, make_signature, post_form, sign_in
from support.mailings import (
    list_addresses,
    list_deliveries,
    make_consenting_signature,
    make_mailing_form,
    make_started_mailing,
)

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError, ValidationError
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.mailings import actions, lifecycle
from petition.mailings.drafting import drafts
from petition.mailings.drafting.form_values import values_from_mailing
from petition.mailings.scheduler import process_mailings


def test_nothing_is_sent_before_the_undo_window_has_passed(app, sent_emails, monkeypatch):
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


def test_nothing_is_sent_while_paused_and_the_remainder_after_resuming(app, sent_emails):
    petition = make_petition()
    for n in range(3):
        make_consenting_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition)
    actions.pause(lifecycle.find(mailing.id, lock=True), "a typo")
    db.session.commit()
    run_queue("mailings")
    assert list_addresses(sent_emails) == []
    actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.commit()
    run_queue("mailings")
    assert len(list_addresses(sent_emails)) == 3


def test_corrected_mailing_goes_on_with_the_new_text_after_a_new_test(app, client, sent_emails):
    petition = make_petition()
    for n in range(3):
        make_consenting_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition)
    first, *_others = list_deliveries()
    first.state = "sent"
    actions.pause(lifecycle.find(mailing.id, lock=True), "a typo")
    db.session.commit()
    account = sign_in(client, "sender", password="four words are enough")
    form = make_mailing_form(petition, subject_fr="Corrigé", version=mailing.version)
    post_form(client, f"/desk/mailings/{mailing.id}/edit", **form | {"petitions": "", "country": "DE"})
    db.session.refresh(mailing)
    assert (mailing.state, mailing.segment) == ("paused", {"petitions": [petition.id]}), "its recipients stay"
    assert "Counting…" not in client.get(f"/desk/mailings/{mailing.id}?lang=en").text, "nor are they counted again"
    with pytest.raises(DomainError):
        actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.rollback()
    post_form(client, f"/desk/mailings/{mailing.id}/tests", colleague=account.id)
    run_queue("notifications")
    assert [email.subject for email in sent_emails] == ["[Test] Corrigé"]
    sent_emails.clear()
    actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.commit()
    run_queue("mailings")
    assert [email.subject for email in sent_emails] == ["Corrigé"] * 2, "who has it keeps it"


def test_a_mailing_that_has_begun_does_not_become_automatic(app, client):
    """It would go to everybody who confirms from then on, whom nobody meant."""
    petition = make_petition()
    make_consenting_signature(petition)
    mailing = make_started_mailing(petition)
    actions.pause(lifecycle.find(mailing.id, lock=True), "a typo")
    db.session.commit()
    sign_in(client, "sender")
    values = values_from_mailing(mailing) | {"name": "Second thoughts", "trigger": "confirmed", "trigger_value": "3"}
    with pytest.raises(ValidationError) as refused:
        drafts.edit(mailing, drafts.parse_draft(values), str(mailing.version))
    assert list(refused.value.errors) == ["trigger"]
    db.session.rollback()
    assert 'id="trigger"' not in client.get(f"/desk/mailings/{mailing.id}/edit").text
    form = make_mailing_form(petition, name="Second thoughts", trigger="confirmed", version=mailing.version)
    assert post_form(client, f"/desk/mailings/{mailing.id}/edit", **form).status_code == 303
    db.session.refresh(mailing)
    assert (mailing.name, mailing.trigger) == ("Second thoughts", None)


def test_a_change_of_speed_needs_no_new_test(app, client):
    petition = make_petition()
    make_consenting_signature(petition)
    mailing = make_started_mailing(petition)
    actions.pause(lifecycle.find(mailing.id, lock=True), "too fast")
    db.session.commit()
    sign_in(client, "sender")
    texts = {f"{part}_{language}": getattr(text, part) for language, text in mailing.texts.items()
             for part in ("subject", "preheader", "body")}  # fmt: skip
    form = make_mailing_form(petition, sender_name=mailing.sender_name, per_hour=600, **texts)
    post_form(client, f"/desk/mailings/{mailing.id}/edit", **form)
    db.session.refresh(mailing)
    assert (mailing.per_hour, mailing.version, mailing.content_version) == (600, 2, 1)
    actions.resume(lifecycle.find(mailing.id, lock=True))
    assert mailing.state == "sending"


def test_cancelled_mailing_is_never_sent(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition, "s@example.org")
    mailing = make_started_mailing(petition)
    actions.cancel(lifecycle.find(mailing.id, lock=True), "a mistake")
    db.session.commit()
    run_queue("mailings")
    process_mailings()
    assert list_addresses(sent_emails) == []
    assert [row.state for row in list_deliveries()] == ["cancelled"]
    with pytest.raises(lifecycle.InvalidMailingTransition):
        actions.resume(lifecycle.find(mailing.id, lock=True))


def test_added_recipients_get_the_mailing_and_the_others_not_twice(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition, "first@example.org")
    mailing = make_started_mailing(petition)
    run_queue("mailings")
    process_mailings()
    make_consenting_signature(petition, "later@example.org")
    assert actions.add_recipients(lifecycle.find(mailing.id, lock=True)) == 1
    db.session.commit()
    run_queue("mailings")
    assert [email.to for email in sent_emails] == ["first@example.org", "later@example.org"]
