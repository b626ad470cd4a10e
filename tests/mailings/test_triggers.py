"""Automatic mailings: after each confirmation, and at a milestone."""

from datetime import timedelta

import pytest
from support.factories import make_mailing, make_petition, make_signature, post_form, sign_in
from support.mailings import list_addresses, list_deliveries, make_consenting_signature, make_mailing_form

from petition.core import clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.mailings import actions, lifecycle
from petition.mailings.models import Mailing
from petition.mailings.scheduler import process_mailings
from petition.petitions import lifecycle as lifecycle_of_petitions
from petition.petitions.counters import increment


def make_automatic_mailing(petition, **overrides):
    """Return an automatic mailing that was scheduled an hour ago."""
    return make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(hours=1), **overrides)


def confirm(petition, address, when=None, **overrides):
    return make_consenting_signature(petition, address, confirmed_at=when or clock.now(), **overrides)


def test_each_who_confirms_is_thanked_once_and_only_with_consent(app, sent_emails):
    petition = make_petition()
    confirm(petition, "before@example.org", clock.now() - timedelta(days=1))
    mailing = make_automatic_mailing(petition, trigger="confirmed", trigger_value=0)
    process_mailings()
    db.session.refresh(mailing)
    assert mailing.state == "sending"
    confirm(petition, "after@example.org")
    make_signature(petition, email="no@example.org", state="confirmed", updates=False, confirmed_at=clock.now())
    for _ in range(3):
        process_mailings()
        run_queue("mailings")
    assert list_addresses(sent_emails) == ["after@example.org"]
    confirm(petition, "later@example.org")
    process_mailings()
    run_queue("mailings")
    assert list_addresses(sent_emails) == ["after@example.org", "later@example.org"]
    db.session.refresh(mailing)
    assert mailing.state == "sending", "it goes on"


def test_email_waits_for_its_days_and_for_the_end_of_a_pause(app, monkeypatch):
    petition = make_petition()
    mailing = make_automatic_mailing(petition, trigger="confirmed", trigger_value=3)
    process_mailings()
    confirm(petition, "zoe@example.org")
    start = clock.now()
    for days, expected in ((1, 0), (2.9, 0), (3.1, 1), (3.2, 1)):
        monkeypatch.setattr(clock, "now", lambda days=days: start + timedelta(days=days))
        process_mailings()
        assert len(list_deliveries(mailing_id=mailing.id)) == expected
    actions.pause(lifecycle.find(mailing.id, lock=True), "on holiday")
    db.session.commit()
    confirm(petition, "meanwhile@example.org", start + timedelta(days=3.2))
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=8))
    process_mailings()
    assert len(list_deliveries()) == 1
    monkeypatch.setattr(actions, "_require_tested", lambda _: None)
    actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.commit()
    process_mailings()
    assert len(list_deliveries()) == 2, "those who confirmed meanwhile get it too"


def test_continuous_mailing_ends_after_its_petition(app, monkeypatch):
    petition = make_petition()
    mailing = make_automatic_mailing(petition, trigger="confirmed", trigger_value=2)
    process_mailings()
    lifecycle_of_petitions.close(petition)
    db.session.commit()
    start = clock.now()
    for days, state in ((2, "sending"), (4, "sent")):
        monkeypatch.setattr(clock, "now", lambda days=days: start + timedelta(days=days))
        process_mailings()
        db.session.refresh(mailing)
        assert mailing.state == state


def test_milestone_starts_a_mailing_once_it_is_reached(app, sent_emails):
    petition = make_petition()
    confirm(petition, "zoe@example.org")
    mailing = make_automatic_mailing(petition, trigger="milestone", trigger_value=50)
    process_mailings()
    db.session.refresh(mailing)
    assert mailing.state == "scheduled"
    increment(petition.id, 1, "paper", 50)
    db.session.commit()
    process_mailings()
    run_queue("mailings")
    process_mailings()
    db.session.refresh(mailing)
    assert mailing.state == "sent"
    assert list_addresses(sent_emails) == ["zoe@example.org"]


@pytest.mark.parametrize(("trigger", "value", "ok"), [
    ("confirmed", "", True), ("confirmed", "366", False), ("milestone", "", False), ("milestone", "1000", True),
    ("won", "", True), ("full moon", "", False),
])  # fmt: skip
def test_form_asks_for_what_a_trigger_needs(client, trigger, value, ok):
    petition = make_petition()
    sign_in(client, "campaigner")
    form = make_mailing_form(petition, trigger=trigger, trigger_value=value)
    assert post_form(client, "/desk/mailings/new", **form).status_code == (303 if ok else 422)
    if ok:
        number = db.session.query(Mailing).one().id
        assert "automatic" in client.get(f"/desk/mailings/{number}?lang=en").text
