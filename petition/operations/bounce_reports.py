"""Bounces, complaints and unsubscribe requests as operators see them."""

from datetime import timedelta

from sqlalchemy import func, select

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import find_by_id
from petition.core.pagination import Page, make_page, select_page
from petition.delivery.bounces.models import KINDS, Bounce, BounceKind
from petition.team import audit

PAGE_SIZE = 50


def list_reports(kind: str = "", cursor: int | None = None, limit: int = PAGE_SIZE) -> Page[Bounce]:
    """Return a page of reports, newest first, of one kind or of all; unread ones only of `not_understood`."""
    query = select(Bounce)
    if kind in KINDS:
        query = query.where(Bounce.kind == kind)
    if kind == BounceKind.NOT_UNDERSTOOD:
        query = query.where(Bounce.read_at.is_(None))
    rows = db.session.scalars(select_page(query, Bounce.id, cursor=cursor, limit=limit)).all()
    return make_page(rows, limit, lambda bounce: bounce.id)


def count_by_kind(period: timedelta) -> dict[str, int]:
    """Count the reports of the last period by kind."""
    query = select(Bounce.kind, func.count()).where(Bounce.at > clock.now() - period).group_by(Bounce.kind)
    return {row[0]: row[1] for row in db.session.execute(query)}


def mark_read(bounce_id: int) -> None:
    """Mark a report as read, with an audit event; again changes nothing. Flushes. Raises `NotFound`."""
    bounce = find_by_id(Bounce, bounce_id)
    if bounce is None:
        raise NotFound({"bounce": "no such report"})
    if bounce.read_at is None:
        bounce.read_at = clock.now()
        audit.record("bounce.read", "bounce", bounce.id)
