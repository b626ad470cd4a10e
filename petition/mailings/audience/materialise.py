"""Materialise the audience: one delivery per recipient, in one statement, each with the time it may leave."""

from datetime import datetime

from sqlalchemy import text

from petition.core.db import db
from petition.delivery.queues import MAILINGS
from petition.delivery.wakeup import wake_after_commit
from petition.mailings.audience.segment import segment_from_dict, segment_parameters
from petition.mailings.audience.send_rate import raise_statement_limits, send_rate_parameters
from petition.mailings.models import Mailing
from petition.mailings.queries import MATERIALISE_AUDIENCE

MIN_ROWS_TO_ANALYZE = 1_000


def materialise_audience(
    mailing: Mailing, first_at: datetime, *, confirmed: tuple[datetime, datetime] | None = None
) -> int:
    """Enqueue the mailing to everyone in its audience who has no delivery of it yet; returns how many. Flushes.

    `confirmed`: only to those who confirmed in this time, in place of the segment's days.

    The first email leaves at `first_at`. A signer of several petitions gets one email, and so does an address that a
    person and an organisation share. The caller locks the mailing: of two at once, the second would violate the unique
    constraint and be rolled back whole.
    """
    raise_statement_limits()
    segment = segment_parameters(segment_from_dict(mailing.segment), mailing.timezone, mailing.partner_id)
    if confirmed:
        segment |= {"confirmed_from": confirmed[0], "confirmed_before": confirmed[1]}
    inserted = db.session.execute(MATERIALISE_AUDIENCE, segment | send_rate_parameters(mailing, first_at))
    n = int(getattr(inserted, "rowcount", 0))
    if n >= MIN_ROWS_TO_ANALYZE:
        # Connections keep the plans made for a smaller table until its statistics change: until then each confirmation
        # would read all the rows that were just added.
        db.session.execute(text("ANALYZE deliveries"))
    if n:
        wake_after_commit(MAILINGS.name)
    return n
