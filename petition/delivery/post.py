"""Owe an email: a row, in the transaction of what caused it, and a ring once that is durable."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import after_commit, db
from petition.core.logging import request_id
from petition.delivery.doorbell import ring
from petition.delivery.lanes import Lane
from petition.delivery.models import DUE, SENDING, WAITING, Delivery


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

    Flushes, does not commit; the lane is rung after the caller's commit. Returns how many rows are new.
    """
    common: dict[str, Any] = {"kind": kind, "lane": lane.name, "state": DUE, "attempt": 0, "request_id": request_id()}
    if not_before:
        common["next_attempt_at"] = not_before
    rows = [common | asdict(item) for item in owed]
    if not rows:
        return 0
    statement = (
        insert(Delivery).values(rows).on_conflict_do_nothing(index_elements=["kind", "subject_id", "generation"])
    )
    posted = len(db.session.execute(statement.returning(Delivery.id)).all())
    after_commit(("ring", lane.name), partial(ring, lane.name))
    return posted


def recently_posted(subject_id: int, lanes: Sequence[Lane], since: datetime) -> Recent:
    """Return what emails a subject was owed in these lanes since a moment."""
    row = db.session.execute(
        select(
            func.count().label("emails"),
            func.max(func.coalesce(Delivery.settled_at, Delivery.created_at)).label("last_at"),
            func.coalesce(func.bool_or(Delivery.state.in_((*WAITING, SENDING))), False).label("one_waits"),
        ).where(
            Delivery.subject_id == subject_id,
            Delivery.lane.in_([lane.name for lane in lanes]),
            Delivery.created_at >= since,
        )
    ).one()
    return Recent(**row._mapping)
