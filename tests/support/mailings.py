"""Helpers for tests of mailings: started and sent ones, and forms."""

from datetime import UTC, datetime, timedelta

from support.factories import make_mailing, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.mailings.models import MailingTest
from petition.mailings.scheduler import process_mailings

CONSENTED_AT = datetime(2026, 11, 18, 12, tzinfo=UTC)


def make_consenting_signature(petition, address="zoe@example.org", **overrides):
    """Return a confirmed signature whose owner agreed to updates."""
    return make_signature(
        petition, email=address, **{"state": "confirmed", "updates": True, "updates_at": CONSENTED_AT, **overrides}
    )


def record_sent_tests(mailing):
    """Record that a test email of the mailing's content was sent in each of its languages."""
    mailing.tested_version = mailing.content_version
    for language in mailing.texts:
        test = MailingTest(
            mailing_id=mailing.id, version=mailing.content_version, language=language, account_id=1, asked_by="x"
        )
        db.session.add(test)
        db.session.flush()
        db.session.add(
            Delivery(kind="mailing_test", queue="notifications", state="sent", petition_id=0, subject_id=test.id,
                     generation=1)
        )  # fmt: skip
    db.session.commit()


def make_started_mailing(petition, **overrides):
    """Return a mailing that has just started: it was tested, its audience is materialised."""
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1), **overrides)
    record_sent_tests(mailing)
    process_mailings()
    db.session.refresh(mailing)
    return mailing


def send_mailing(petition, sent_emails, **overrides):
    """Send a mailing to its audience; returns it and its emails."""
    mailing = make_started_mailing(petition, **overrides)
    before = len(sent_emails)
    run_queue("mailings")
    return mailing, sent_emails[before:]


def make_french_texts(**overrides):
    """Return a mailing's texts, in French only."""
    return {"fr": {"subject": "Nouvelles", "preheader": "", "body": "Bonjour.", **overrides}}


def list_addresses(sent_emails):
    """Return the addresses that emails were sent to, in order."""
    return sorted(email.to for email in sent_emails)


def list_deliveries(**filters):
    """Return the deliveries of mailings, in order."""
    db.session.expire_all()
    return db.session.query(Delivery).filter_by(kind="mailing", **filters).order_by(Delivery.id).all()


def make_mailing_form(petition, **overrides):
    """Return the fields of a valid form."""
    return {
        "name": "First news", "sender_name": "Les amis", "timezone": "Europe/Paris", "petitions": petition.id,
        "subject_fr": "Bonjour", "body_fr": "Bonjour {{ name }}", "version": 1, **overrides,
    }  # fmt: skip
