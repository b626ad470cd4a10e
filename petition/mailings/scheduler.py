"""What time does to mailings: count, begin, keep pace, stop what goes wrong, end what is done."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select, update

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.mailings import actions, lifecycle
from petition.mailings.audience import preview
from petition.mailings.audience.send_rate import is_behind_schedule, reschedule_remaining
from petition.mailings.models import MAILING_STOPPED_KIND, Mailing, MailingState
from petition.mailings.progress import Progress, get_progress, record_sent_sample

MIN_ATTEMPTS_FOR_LIMITS = 50  # emails tried, before which a share says little
BATCH_SIZE = 5_000  # rows dropped by one transaction
REOPEN_WINDOW = timedelta(days=2)  # after its end, in which an operator may have sent rows of a mailing again

log = structlog.get_logger(__name__)


def process_mailings() -> None:
    """Do all that is to be done now, each mailing in a transaction of its own. Commits."""
    for mailing_id in preview.list_uncounted_ids():
        _run_locked(mailing_id, _count_audience)
    due = select(Mailing.id).where(Mailing.state == MailingState.SCHEDULED, Mailing.send_at <= func.now())
    for mailing_id in db.session.scalars(due).all():
        _run_locked(mailing_id, _start_if_due)
    for mailing_id in db.session.scalars(select(Mailing.id).where(Mailing.state == MailingState.SENDING)).all():
        _run_locked(mailing_id, _check_sending)
    lately = select(Mailing.id).where(Mailing.ended_at > clock.now() - REOPEN_WINDOW)
    for mailing_id in db.session.scalars(
        lately.where(Mailing.state.in_((MailingState.CANCELLED, MailingState.SENT)))
    ).all():
        _run_locked(mailing_id, _clean_up_ended)


def _run_locked(mailing_id: int, step) -> None:  # type: ignore[no-untyped-def]
    mailing = db.session.get(Mailing, mailing_id, with_for_update={"of": Mailing, "skip_locked": True},
                             populate_existing=True)  # fmt: skip
    if mailing is not None:
        step(mailing)
    db.session.commit()


def _count_audience(mailing: Mailing) -> None:
    preview.count_audience(mailing)


def _start_if_due(mailing: Mailing) -> None:
    if mailing.state == MailingState.SCHEDULED and mailing.send_at and mailing.send_at <= clock.now():
        owed = actions.start(mailing)
        log.info("a mailing begins", mailing=mailing.id, recipients=owed)


def _check_sending(mailing: Mailing) -> None:
    """Pause a mailing that goes wrong, end one that is done, spread anew one that is far behind."""
    if mailing.state != MailingState.SENDING:
        return
    now = get_progress(mailing)
    wrong = _exceeded_limit(mailing, now)
    if wrong:
        actions.pause(mailing, wrong, actor="limits")
        enqueue(MAILING_STOPPED_KIND, NOTIFICATIONS, [OutboxEntry(0, mailing.id, int(clock.now().timestamp()))])
        log.warning("a mailing paused by itself", mailing=mailing.id, reason=wrong)
    elif not _has_unsent_deliveries(mailing.id):
        lifecycle.transition("finish", mailing, actor="schedule")
        mailing.ended_at = clock.now()
    elif is_behind_schedule(mailing):
        reschedule_remaining(mailing, clock.now(), now.states[DeliveryState.SENT])
    record_sent_sample(mailing)


def _exceeded_limit(mailing: Mailing, now: Progress) -> str | None:
    figures = {name: n - mailing.limits_baseline.get(name, 0) for name, n in now.limit_counts().items()}
    if figures["tried"] < MIN_ATTEMPTS_FOR_LIMITS:
        return None
    for name, limit in (
        ("failed", mailing.failure_limit),
        ("unsubscribed", mailing.unsubscribe_limit),
    ):
        share = figures[name] / figures["tried"]
        if share > limit:
            return f"limit {name} {share:.4f} {limit:.4f}"
    return None


def _has_unsent_deliveries(mailing_id: int) -> bool:
    # From the rows, not from the tallies: an end is for good.
    active = select(Delivery.id).where(
        Delivery.mailing_id == mailing_id, Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED, "sending"))
    )
    return bool(db.session.scalar(select(active.exists())))


def _clean_up_ended(mailing: Mailing) -> None:
    """Drop what a cancelled mailing still owes; let an ended one go on where an operator had rows sent again."""
    if mailing.state == MailingState.SENT and _has_unsent_deliveries(mailing.id):
        lifecycle.transition("reopen", mailing, actor="queue")
        mailing.ended_at = None
    while mailing.state == MailingState.CANCELLED and _cancel_batch(mailing.id):
        db.session.commit()


def _cancel_batch(mailing_id: int) -> bool:
    batch = select(Delivery.id).where(
        Delivery.mailing_id == mailing_id, Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED))
    )
    dropped = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(batch.limit(BATCH_SIZE).with_for_update(skip_locked=True).scalar_subquery()))
        .values(state=DeliveryState.CANCELLED, settled_at=func.now(), reason="the mailing was cancelled")
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(dropped, "rowcount", 0))
