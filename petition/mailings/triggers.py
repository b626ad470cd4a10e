"""Automatic mailings: which has come to its moment, and who has confirmed since it was last looked.

An automatic mailing is a mailing like any other, with its consent, tests, pauses, limits and ledger, that starts by
itself once it is scheduled. One that thanks for confirming goes on for as long as it is not paused or cancelled: each
signer who confirms from its start on gets it once.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.models import Mailing, Trigger
from petition.petitions.counters import get_counts
from petition.petitions.models import CONFIRMATION_GRACE_PERIOD, Petition

OVERLAP = timedelta(hours=1)  # looked through again: a confirmation may be committed after later ones


def is_continuous(mailing: Mailing) -> bool:
    """Say whether a mailing goes on by itself: it is complete only when it is cancelled."""
    return mailing.trigger == Trigger.CONFIRMED


def has_occurred(mailing: Mailing) -> bool:
    """Say whether what a scheduled mailing waits for has happened to one of its petitions."""
    if mailing.trigger is None or mailing.trigger == Trigger.CONFIRMED:
        return True
    petitions = list(db.session.scalars(select(Petition).where(Petition.id.in_(mailing.segment["petitions"]))))
    if mailing.trigger == Trigger.MILESTONE:
        counts = get_counts(petitions)
        return sum(count.total for count in counts.values()) >= (mailing.trigger_value or 0)
    return any(_happened_at(petition, mailing.trigger) for petition in petitions)


def _happened_at(petition: Petition, trigger: str) -> datetime | None:
    return petition.handed_over_at if trigger == Trigger.HANDED_OVER else petition.won_at


def is_over(mailing: Mailing) -> bool:
    """Say whether nobody can come to a continuous mailing any more: all its petitions are closed for long enough."""
    days = timedelta(days=mailing.trigger_value or 0)
    petitions = db.session.scalars(select(Petition).where(Petition.id.in_(mailing.segment["petitions"]))).all()
    return all(
        not petition.is_open
        and petition.closing_moment is not None
        and petition.closing_moment + CONFIRMATION_GRACE_PERIOD + OVERLAP + days < clock.now()
        for petition in petitions
    )


def add_newly_confirmed(mailing: Mailing) -> int:
    """Enqueue a continuous mailing to those whose days since confirming are over; returns how many. Flushes."""
    assert mailing.started_at is not None
    until = clock.now() - timedelta(days=mailing.trigger_value or 0)
    since = mailing.started_at
    if mailing.checked_until:
        since = max(since, mailing.checked_until - OVERLAP)
    if until <= since:
        return 0
    mailing.checked_until = until
    return materialise_audience(mailing, clock.now(), confirmed=(since, until))
