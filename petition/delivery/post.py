"""Owe an email: a row, in the transaction of what caused it, and a ring once that is durable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import text

from petition.core.db import after_commit, db
from petition.core.logging import request_id
from petition.delivery.doorbell import ring
from petition.delivery.lanes import Lane
from petition.delivery.models import SENDING, WAITING

# Of the rows `owed` (petition, subject, generation) that stand before it; the rest is `terms`.
INSERT = """
    INSERT INTO deliveries (kind, lane, state, attempt, request_id, next_attempt_at,
                            petition_id, subject_id, generation)
    SELECT CAST(:kind AS text), CAST(:lane AS text), 'due', 0, CAST(:request_id AS text),
           coalesce(CAST(:not_before AS timestamptz), now()), owed.*
    FROM owed
    ON CONFLICT (kind, subject_id, generation) DO NOTHING
    RETURNING id
"""
POST = text(f"""
    WITH owed AS (
        SELECT * FROM unnest(
            CAST(:petition_id AS bigint[]), CAST(:subject_id AS bigint[]), CAST(:generation AS bigint[]))
        AS o (petition_id, subject_id, generation)),
    overtaken AS (
        UPDATE deliveries AS d SET state = 'cancelled', settled_at = now(), reason = 'a later one takes its place'
        FROM owed AS o WHERE d.subject_id = o.subject_id AND d.kind = :kind AND d.generation < o.generation
            AND d.state IN ('due', 'deferred'))
    {INSERT}
""")  # noqa: S608 - constants

RECENT = text(f"""
    SELECT count(*) AS emails, max(coalesce(settled_at, created_at)) AS last_at,
           coalesce(bool_or(state IN {(*WAITING, SENDING)}), false) AS one_waits
    FROM deliveries WHERE subject_id = :subject_id AND lane = ANY(:lanes) AND created_at >= :since
""")  # noqa: S608 - constants


@dataclass(frozen=True)
class Owed:
    """Whom an email is owed to, and which of its links it carries."""

    petition_id: int
    subject_id: int
    generation: int


@dataclass(frozen=True)
class Recent:
    """How many emails somebody was owed lately, when the last was owed or settled, and whether one still waits."""

    emails: int
    last_at: datetime | None
    one_waits: bool


def post(kind: str, lane: Lane, owed: Iterable[Owed], *, not_before: datetime | None = None) -> int:
    """Owe emails of one kind, each once per subject and generation, in one statement.

    One that waits already gives way to the one that is newer: when mail flows again, nobody gets two. Flushes, does not
    commit; the lane is rung after the caller's commit. Returns how many rows are new. Does the same when nobody is owed
    anything: how long it takes tells nothing.
    """
    rows = list(owed)
    columns = {name: [getattr(row, name) for row in rows] for name in ("petition_id", "subject_id", "generation")}
    return len(db.session.execute(POST, columns | terms(kind, lane, not_before)).all())


def terms(kind: str, lane: Lane, not_before: datetime | None = None) -> dict[str, Any]:
    """Return the values that INSERT takes, for who owes emails within a statement of their own; its lane is rung."""
    after_commit(("ring", lane.name), partial(ring, lane.name))
    return terms_at_once(kind, lane, not_before)


def terms_at_once(kind: str, lane: Lane, not_before: datetime | None = None) -> dict[str, Any]:
    """Return the same for a statement that is a transaction of its own, after which the caller rings the lane."""
    return {"kind": kind, "lane": lane.name, "request_id": request_id(), "not_before": not_before}


def recently_posted(subject_id: int, lanes: Sequence[Lane], since: datetime) -> Recent:
    """Return what emails a subject was owed in these lanes since a moment."""
    names = [lane.name for lane in lanes]
    row = db.session.execute(RECENT, {"subject_id": subject_id, "lanes": names, "since": since}).one()
    return Recent(**row._mapping)
