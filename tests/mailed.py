"""What tests of mailings share: a mailing that has left, and the letter that came of it."""

from datetime import UTC, datetime, timedelta

from factories import make_mailing, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.mailings.watch import watch

AGREED = datetime(2026, 11, 18, 12, tzinfo=UTC)


def consenting(petition, address="zoe@example.org", **overrides):
    """Return a confirmed signature whose owner agreed to updates."""
    return make_signature(
        petition, email=address, **{"state": "confirmed", "updates": True, "updates_at": AGREED, **overrides}
    )


def begun(petition, **overrides):
    """Return a mailing that has just begun."""
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1), **overrides)
    watch()
    db.session.refresh(mailing)
    return mailing


def sent(petition, outbox, **overrides):
    """Send a mailing to whoever is in its audience; returns it and its letters."""
    mailing = begun(petition, **overrides)
    before = len(outbox)
    dispatch("mailings")
    return mailing, outbox[before:]


def texts(**words):
    """Return a mailing's words in French alone."""
    return {"fr": {"subject": "Nouvelles", "preheader": "", "body": "Bonjour.", **words}}
