"""What tests of mailings share: a mailing that has left, and the letter that came of it."""

from datetime import UTC, datetime, timedelta

from support.factories import make_mailing, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.mailings.scheduler import process_mailings

CONSENTED_AT = datetime(2026, 11, 18, 12, tzinfo=UTC)


def make_consenting_signature(petition, address="zoe@example.org", **overrides):
    """Return a confirmed signature whose owner agreed to updates."""
    return make_signature(
        petition, email=address, **{"state": "confirmed", "updates": True, "updates_at": CONSENTED_AT, **overrides}
    )


def make_started_mailing(petition, **overrides):
    """Return a mailing that has just begun."""
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1), **overrides)
    process_mailings()
    db.session.refresh(mailing)
    return mailing


def send_mailing(petition, sent_emails, **overrides):
    """Send a mailing to whoever is in its audience; returns it and its letters."""
    mailing = make_started_mailing(petition, **overrides)
    before = len(sent_emails)
    run_queue("mailings")
    return mailing, sent_emails[before:]


def make_french_texts(**words):
    """Return a mailing's words in French alone."""
    return {"fr": {"subject": "Nouvelles", "preheader": "", "body": "Bonjour.", **words}}
