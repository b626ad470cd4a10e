"""Notify the team in good time of what will be anonymised; postpone it; record that a petition was handed over."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, ValidationError
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.petitions.models import Petition
from petition.retention.emails import RETENTION_ANNOUNCED
from petition.retention.models import PetitionRetention, RetentionAnnouncement
from petition.retention.schedule import Plan, get_plan, list_plans
from petition.signatures.staff.actions import validate_reason
from petition.team import audit
from petition.team.models import Account, TeamRole

NOTIFIED_ROLES = (TeamRole.ADMIN.value, TeamRole.CAMPAIGNER.value)
MAX_POSTPONEMENT = timedelta(days=366)  # from today


def announce_due() -> int:
    """Notify the team of each petition that is due within the notice; returns of how many. Commits each by itself."""
    announced = 0
    for plan in list_plans():
        if plan.needs_announcement:
            announced += _announce(plan.petition.id)
    db.session.rollback()
    return announced


def _announce(petition_id: int) -> bool:
    petition = _lock(petition_id)
    plan = get_plan(petition)
    if not plan.needs_announcement or plan.due_at is None:  # another worker was faster
        db.session.rollback()
        return False
    retention = get_or_create(petition.id)
    retention.announced_at, retention.announced_for = clock.now(), plan.due_at
    db.session.flush()
    _enqueue_announcements(get_plan(petition))
    runs_at = get_plan(petition).runs_at
    after = {"date": f"{runs_at:%Y-%m-%d}", "signatures": plan.count.confirmed, "paper": plan.count.paper}
    audit.record("petition.anonymisation_announced", "petition", petition.slug, after=after, actor="retention")
    db.session.commit()
    return True


def _enqueue_announcements(plan: Plan) -> None:
    notified = select(Account).where(Account.active, Account.role_names.overlap(NOTIFIED_ROLES)).order_by(Account.id)
    announcements = [
        RetentionAnnouncement(
            petition_id=plan.petition.id, account_id=account.id, due_at=plan.runs_at,
            signatures=plan.count.total,
        )
        for account in db.session.scalars(notified)
    ]  # fmt: skip
    db.session.add_all(announcements)
    db.session.flush()
    enqueue(RETENTION_ANNOUNCED, NOTIFICATIONS, [OutboxEntry(0, row.id, 1) for row in announcements])


def _lock(petition_id: int) -> Petition:
    query = select(Petition).where(Petition.id == petition_id).with_for_update(of=Petition, key_share=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def get_or_create(petition_id: int) -> PetitionRetention:
    """Return a petition's row, a new one where it has none. Flushes."""
    db.session.execute(insert(PetitionRetention).values(petition_id=petition_id).on_conflict_do_nothing())
    return db.session.get_one(PetitionRetention, petition_id, populate_existing=True)


def postpone(petition: Petition, until: date | None, reason: str, *, actor: str | None = None) -> datetime:
    """Anonymise a petition, which the caller has locked, no sooner than on a day in its time zone. Flushes.

    Returns the moment. Raises `ValidationError` by field, and `InvalidTransition` once the anonymisation has begun.
    """
    plan = get_plan(petition)
    if plan.retention.started_at:
        raise InvalidTransition({"form": _("It has begun: nothing can bring back what is anonymised.")})
    reason, zone = validate_reason({"reason": reason}), ZoneInfo(petition.timezone)
    today = clock.now().astimezone(zone).date()
    if until is None or not today < until <= today + MAX_POSTPONEMENT:
        raise ValidationError({"until": _("Give a day from tomorrow on, within a year.")})
    moment = datetime.combine(until, time(), zone).astimezone(UTC)
    retention = get_or_create(petition.id)
    before = _format(retention.postponed_until, zone)
    retention.postponed_until, retention.postponed_reason = moment, reason
    after = {"until": _format(moment, zone), "reason": reason}
    audit.record(
        "petition.anonymisation_postponed",
        "petition",
        petition.slug,
        before={"until": before},
        after=after,
        actor=actor,
    )
    return moment


def record_handover(petition: Petition, on: date | None, *, actor: str | None = None) -> None:
    """Record on which day a petition, which the caller has locked, was handed over; None: it was not after all.

    Flushes. Raises `ValidationError`, and `InvalidTransition` once the anonymisation has begun.
    """
    if get_plan(petition).retention.started_at:
        raise InvalidTransition({"form": _("It has begun: nothing can bring back what is anonymised.")})
    zone = ZoneInfo(petition.timezone)
    if on is not None and not petition.created_at.astimezone(zone).date() <= on <= clock.now().astimezone(zone).date():
        raise ValidationError({"on": _("Give a day between the creation of the petition and today.")})
    before = petition.handed_over_at
    petition.handed_over_at = datetime.combine(on, time(), zone).astimezone(UTC) if on else None
    petition.version = Petition.version + 1
    db.session.flush()
    audit.record(
        "petition.handed_over", "petition", petition.slug,
        before={"on": _format(before, zone)}, after={"on": _format(petition.handed_over_at, zone)}, actor=actor,
    )  # fmt: skip


def _format(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return f"{moment.astimezone(zone):%Y-%m-%d}" if moment else None
