"""Periodic work on mailings: count audiences, start scheduled ones, pause failing ones, finish complete ones."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

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
from petition.mailings.limits import find_exceeded_limit, format_exceeded_limit
from petition.mailings.models import MAILING_STOPPED_KIND, Mailing, MailingState
from petition.mailings.progress import get_progress, record_sent_sample
from petition.mailings.triggers import add_newly_confirmed, has_occurred, is_continuous, is_over

BATCH_SIZE = 5_000  # deliveries cancelled in one transaction
REOPEN_WINDOW = timedelta(days=2)  # after its end, in which an operator may have retried some of a mailing's emails

log = structlog.get_logger(__name__)


def process_mailings() -> None:
    """Do all the periodic work that is due, each mailing in a transaction of its own. Commits."""
    for mailing_id in preview.list_uncounted_ids():
        _run_locked(mailing_id, preview.count_audience)
    due = select(Mailing.id).where(Mailing.state == MailingState.SCHEDULED, Mailing.send_at <= func.now())
    for mailing_id in db.session.scalars(due).all():
        _run_locked(mailing_id, _start_if_due)
    for mailing_id in db.session.scalars(select(Mailing.id).where(Mailing.state == MailingState.SENDING)).all():
        _run_locked(mailing_id, _check_sending)
    ended = select(Mailing.id).where(
        Mailing.ended_at > clock.now() - REOPEN_WINDOW,
        Mailing.state.in_((MailingState.CANCELLED, MailingState.SENT)),
    )
    for mailing_id in db.session.scalars(ended).all():
        _run_locked(mailing_id, _clean_up_ended)


def _run_locked(mailing_id: int, work: Callable[[Mailing], Any]) -> None:
    mailing = db.session.get(Mailing, mailing_id, with_for_update={"of": Mailing, "skip_locked": True},
                             populate_existing=True)  # fmt: skip
    if mailing is not None:
        work(mailing)
    db.session.commit()


def _start_if_due(mailing: Mailing) -> None:
    is_due = mailing.state == MailingState.SCHEDULED and mailing.send_at and mailing.send_at <= clock.now()
    if is_due and has_occurred(mailing):
        recipients = actions.start(mailing)
        log.info("mailing started", mailing=mailing.id, recipients=recipients)


def _check_sending(mailing: Mailing) -> None:
    """Pause a mailing beyond a limit, finish a complete one, reschedule one that is far behind."""
    if mailing.state != MailingState.SENDING:
        return
    progress = get_progress(mailing)
    exceeded = find_exceeded_limit(mailing, progress)
    if exceeded:
        reason = format_exceeded_limit(exceeded)
        actions.pause(mailing, reason, actor="limits")
        enqueue(MAILING_STOPPED_KIND, NOTIFICATIONS, [OutboxEntry(0, mailing.id, int(clock.now().timestamp()))])
        log.warning("mailing paused by a limit", mailing=mailing.id, reason=reason)
    elif is_continuous(mailing) and (add_newly_confirmed(mailing) or not is_over(mailing)):
        pass
    elif not _has_unsent_deliveries(mailing.id):
        lifecycle.transition("finish", mailing, actor="schedule")
        mailing.ended_at = clock.now()
    elif is_behind_schedule(mailing):
        reschedule_remaining(mailing, clock.now(), progress.states[DeliveryState.SENT])
    record_sent_sample(mailing)


def _has_unsent_deliveries(mailing_id: int) -> bool:
    # From the rows, not from the counters: finishing a mailing is final.
    unsent = select(Delivery.id).where(
        Delivery.mailing_id == mailing_id,
        Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED, DeliveryState.SENDING)),
    )
    return bool(db.session.scalar(select(unsent.exists())))


def _clean_up_ended(mailing: Mailing) -> None:
    """Cancel what a cancelled mailing has not sent; reopen a sent one of which an operator retried some emails."""
    if mailing.state == MailingState.SENT and _has_unsent_deliveries(mailing.id):
        lifecycle.transition("reopen", mailing, actor="queue")
        mailing.ended_at = None
    while mailing.state == MailingState.CANCELLED and _cancel_batch(mailing.id):
        db.session.commit()


def _cancel_batch(mailing_id: int) -> bool:
    batch = select(Delivery.id).where(
        Delivery.mailing_id == mailing_id, Delivery.state.in_((DeliveryState.DUE, DeliveryState.DEFERRED))
    )
    cancelled = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(batch.limit(BATCH_SIZE).with_for_update(skip_locked=True).scalar_subquery()))
        .values(state=DeliveryState.CANCELLED, settled_at=func.now(), reason="the mailing was cancelled")
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(cancelled, "rowcount", 0))
