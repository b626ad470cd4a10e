"""Audit trail: record and list what people did."""

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from flask import g
from sqlalchemy import or_, select

from petition.core.db import db
from petition.core.logging import current_request_id
from petition.core.pagination import Page, make_page, select_page
from petition.team.models import AuditEvent

PAGE_SIZE = 50
MAX_ACTOR_CHARACTERS = 320


class Actor(NamedTuple):
    """Who acts: a member's account, or nobody in particular."""

    account_id: int | None
    name: str


@dataclass(frozen=True)
class AuditFilter:
    """Criteria of the list; None matches every event. Days are inclusive, in UTC.

    `subject`: what kind of thing, or which: the address of a petition, the number of a mailing.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: date | None = None
    until: date | None = None


def bind_actor(actor: Actor | None) -> None:
    """Set who acts in the current request, for `record`; the team's pages do this before each view."""
    g.actor = actor


def record(
    action: str,
    subject: str,
    subject_id: int | str | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    actor: str | None = None,
) -> AuditEvent:
    """Add an event to the caller's transaction, and return it. Flushes, does not commit.

    `actor`: the bound actor's name by default, else `default_actor`. `before` and `after`: the values that changed,
    never a signer's name or address.
    """
    bound: Actor | None = g.get("actor")
    event = AuditEvent(
        account_id=bound.account_id if bound else None,
        actor=(actor or (bound.name if bound else default_actor()))[:MAX_ACTOR_CHARACTERS],
        action=action,
        subject=subject,
        subject_id=None if subject_id is None else str(subject_id)[:80],
        before=before,
        after=after,
        request_id=current_request_id(),
    )
    db.session.add(event)
    db.session.flush()
    return event


def default_actor() -> str:
    """Return who acts in a command: the user of the terminal, and under sudo the one who called it."""
    try:
        user = getpass.getuser()
        caller = os.environ.get("SUDO_USER")
        return f"terminal:{user} (sudo by {caller})" if caller and caller != user else f"terminal:{user}"
    except (KeyError, OSError):  # a user id without a name, as in containers
        return "terminal"


def list_events(filter: AuditFilter, cursor: int | None = None) -> Page[AuditEvent]:
    """Return a page of events, newest first."""
    query = select(AuditEvent)
    for column, value in (
        (AuditEvent.actor, filter.actor),
        (AuditEvent.action, filter.action),
    ):
        if value:
            query = query.where(column == value)
    if filter.subject:
        query = query.where(or_(AuditEvent.subject == filter.subject, AuditEvent.subject_id == filter.subject))
    if filter.since:
        query = query.where(AuditEvent.at >= filter.since)
    if filter.until:
        query = query.where(AuditEvent.at < filter.until + timedelta(days=1))
    events = db.session.scalars(select_page(query, AuditEvent.id, cursor=cursor, limit=PAGE_SIZE)).all()
    return make_page(events, PAGE_SIZE, lambda event: event.id)


def list_by_subject(
    subject: str, subject_id: int | str, actions: Sequence[str] | None = None, limit: int = PAGE_SIZE
) -> list[AuditEvent]:
    """Return the latest events of a subject, newest first. `actions`: only these."""
    query = select(AuditEvent).where(AuditEvent.subject == subject, AuditEvent.subject_id == str(subject_id))
    if actions is not None:
        query = query.where(AuditEvent.action.in_(actions))
    return list(db.session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)))


def find_latest(subject: str, subject_id: int | str) -> AuditEvent | None:
    """Return the latest event of a subject."""
    return next(iter(list_by_subject(subject, subject_id, limit=1)), None)
