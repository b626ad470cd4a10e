"""The record of what people did."""

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import has_request_context
from sqlalchemy import select

from petition.core.db import db
from petition.core.logging import current_request_id
from petition.team.models import AuditEvent
from petition.team.permissions import current_account

PAGE_SIZE = 50  # events


@dataclass(frozen=True)
class AuditFilter:
    """Which events; what is None does not matter. Days are whole, in UTC."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: date | None = None
    until: date | None = None


def record(
    action: str,
    subject: str,
    subject_id: int | str | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    actor: str | None = None,
) -> None:
    """Record that the person who is signed in, or whoever `actor` names, did something, in their transaction.

    Flushes, does not commit. `before` and `after` hold what changed, and never a signer's name or address.
    """
    account = current_account()
    event = AuditEvent(
        account_id=account.id if account else None,
        actor=(actor or (account.email if account else None) or default_actor())[:320],
        action=action,
        subject=subject,
        subject_id=None if subject_id is None else str(subject_id)[:80],
        before=before,
        after=after,
        request_id=current_request_id(),
    )
    db.session.add(event)
    db.session.flush()


def default_actor() -> str:
    """Return who acts where nobody is signed in: the user of the terminal, or somebody unknown on the web."""
    if has_request_context():
        return "nobody signed in"
    try:
        return f"terminal:{getpass.getuser()}"
    except (KeyError, OSError):
        return "terminal"


def find_latest(subject: str, subject_id: str) -> AuditEvent | None:
    """Return the last thing that anybody did to a subject."""
    query = select(AuditEvent).where(AuditEvent.subject == subject, AuditEvent.subject_id == subject_id)
    return db.session.scalar(query.order_by(AuditEvent.id.desc()).limit(1))


def list_events(which: AuditFilter, before_id: int | None = None) -> list[AuditEvent]:
    """Return a page of events, newest first, that come before one."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(PAGE_SIZE)
    for column, value in (
        (AuditEvent.actor, which.actor),
        (AuditEvent.action, which.action),
        (AuditEvent.subject, which.subject),
    ):
        if value:
            query = query.where(column == value)
    if which.since:
        query = query.where(AuditEvent.at >= which.since)
    if which.until:
        query = query.where(AuditEvent.at < which.until + timedelta(days=1))
    if before_id:
        query = query.where(AuditEvent.id < before_id)
    return list(db.session.scalars(query))


def list_by_subject(subject: str, subject_id: int, actions: Sequence[str], limit: int) -> list[AuditEvent]:
    """Return the latest acts of these kinds on one thing, newest first."""
    query = select(AuditEvent).where(AuditEvent.subject == subject, AuditEvent.subject_id == str(subject_id))
    return list(
        db.session.scalars(query.where(AuditEvent.action.in_(actions)).order_by(AuditEvent.id.desc()).limit(limit))
    )
