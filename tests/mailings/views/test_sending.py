"""Schedule a mailing from its page."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from support.factories import make_mailing, make_petition, post_form, sign_in
from support.mailings import make_consenting_signature, record_sent_tests
from support.mailings import make_mailing_form as make_form

from petition.core import clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.mailings import actions
from petition.mailings.models import Mailing


def test_scheduling_requires_a_test_email_in_each_language_and_again_after_an_edit(app, client, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition)
    account = sign_in(client, "sender", password="four words are enough")
    mailing = make_mailing(petition)
    number = mailing.id

    def schedule():
        post_form(client, f"/desk/mailings/{number}/schedule")
        db.session.expire_all()
        return db.session.get(Mailing, number).state

    assert schedule() == "draft"
    post_form(client, f"/desk/mailings/{number}/tests", colleague=account.id)
    assert schedule() == "tested", "the test emails have not been sent yet"
    run_queue("notifications")
    assert {(email.to, email.locale) for email in sent_emails} == {(account.email, "fr"), (account.email, "en")}
    assert all("/u/test" in email.body and "/u/test" in email.html for email in sent_emails)
    assert schedule() == "scheduled"
    post_form(client, f"/desk/mailings/{number}/unschedule")
    post_form(client, f"/desk/mailings/{number}/edit", **make_form(petition))
    assert schedule() == "draft"


def test_a_mailing_without_recipients_is_not_scheduled(client):
    petition = make_petition()
    sign_in(client, "sender")
    mailing = make_mailing(petition, state="tested")
    record_sent_tests(mailing)
    post_form(client, f"/desk/mailings/{mailing.id}/schedule?lang=en")
    assert "It has no recipient" in client.get(f"/desk/mailings/{mailing.id}?lang=en").text
    make_consenting_signature(petition)
    post_form(client, f"/desk/mailings/{mailing.id}/schedule")
    db.session.refresh(mailing)
    assert mailing.state == "scheduled"


def test_time_is_in_the_time_zone_of_the_mailing(client, monkeypatch):
    sign_in(client, "sender")
    monkeypatch.setattr(actions, "list_untested_languages", lambda _: [])
    petition = make_petition()
    make_consenting_signature(petition)
    mailing = make_mailing(petition, state="tested", tested_version=1, timezone="Pacific/Auckland")
    day = clock.now().date() + timedelta(days=30)
    post_form(client, f"/desk/mailings/{mailing.id}/schedule", at=f"{day}T09:00")
    db.session.expire_all()
    assert mailing.send_at == datetime.combine(day, time(9), ZoneInfo("Pacific/Auckland"))
    mailing.state, mailing.send_at = "tested", None
    db.session.commit()
    for at in ("soon", "9" * 50, "0001-01-01T00:00", "9999-12-31T23:59"):
        assert post_form(client, f"/desk/mailings/{mailing.id}/schedule", at=at).status_code == 303
    db.session.expire_all()
    assert mailing.state == "tested"


def test_an_automatic_mailing_is_said_to_be_switched_on(client):
    petition = make_petition()
    sign_in(client, "sender")
    mailing = make_mailing(petition, state="tested", trigger="confirmed", trigger_value=0, undo_minutes=0)
    record_sent_tests(mailing)
    page = f"/desk/mailings/{mailing.id}?lang=en"
    assert "Leave empty to switch it on now." in client.get(page).text
    post_form(client, f"/desk/mailings/{mailing.id}/schedule?lang=en")
    assert "It is then sent by itself" in client.get(page).text
    ordinary = make_mailing(petition, state="tested", undo_minutes=0)
    record_sent_tests(ordinary)
    assert "Leave empty to send now.<" in client.get(f"/desk/mailings/{ordinary.id}?lang=en").text
