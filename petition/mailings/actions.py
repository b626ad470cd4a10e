"""Send a mailing, now or later, and hold it, let it go on, take it back, or send it to those it has not reached."""

from datetime import datetime, timedelta

from flask_babel import gettext as _

from petition.core import clock
from petition.core.db import db, run_after_commit
from petition.core.exceptions import ValidationError
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.queues import MAILINGS
from petition.delivery.requeue import requeue
from petition.delivery.wakeup import wake
from petition.mailings import lifecycle
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.audience.send_rate import has_rate_limit, reschedule_remaining
from petition.mailings.models import Mailing, MailingState
from petition.mailings.progress import count_by_state, get_progress
from petition.mailings.test_emails import list_untested_languages
from petition.team import audit

MAX_SCHEDULE_AHEAD = timedelta(days=366)


def schedule(mailing: Mailing, at: datetime | None, by_id: int | None) -> None:
    """Have a mailing sent at a moment, or as soon as its undo window has passed. Flushes. Raises `Refusal`.

    `by_id`: the account that is told when the mailing pauses by itself. The caller holds the mailing's lock.
    """
    if not lifecycle.can_transition("schedule", mailing):
        raise lifecycle.InvalidMailingTransition("schedule", mailing)
    if mailing.tested_version != mailing.version:
        raise ValidationError({"state": _("it was changed since its last test: test it again")})
    waiting = list_untested_languages(mailing)
    if waiting:
        raise ValidationError(
            {
                "state": _(
                    "no test has left yet in %(languages)s: wait a moment, or test again", languages=", ".join(waiting)
                )
            }
        )
    soonest = clock.now() + timedelta(minutes=mailing.undo_minutes)
    if at is not None and (at <= clock.now() or at > clock.now() + MAX_SCHEDULE_AHEAD):
        raise ValidationError({"at": _("choose a moment that is to come, within a year")})
    mailing.send_at = max(at or soonest, soonest)
    mailing.sent_by_id = by_id
    lifecycle.transition("schedule", mailing, send_at=mailing.send_at.isoformat())


def unschedule(mailing: Mailing) -> None:
    """Take a mailing back before its first email. Flushes. Raises `Nonsense`."""
    lifecycle.transition("unschedule", mailing)
    mailing.send_at = None


def start(mailing: Mailing) -> int:
    """Freeze the audience of a mailing whose moment has come, and let it leave; returns how many it is. Flushes."""
    lifecycle.transition("start", mailing, actor="schedule")
    mailing.started_at = clock.now()
    return materialise_audience(mailing, mailing.started_at)


def pause(mailing: Mailing, reason: str, *, actor: str | None = None) -> None:
    """Hold a mailing: nothing more is claimed, on any host, once this is committed. Flushes. Raises `Nonsense`."""
    lifecycle.transition("pause", mailing, actor=actor, reason=reason[:200])
    mailing.paused_at, mailing.reason = clock.now(), reason[:200]


def resume(mailing: Mailing) -> None:
    """Let a paused mailing go on where it was held, at its pace. Flushes. Raises `Nonsense`."""
    lifecycle.transition("resume", mailing)
    mailing.paused_at = mailing.reason = None
    # Whoever resumes has seen what went wrong: the limits are for what comes next.
    mailing.limits_baseline = get_progress(mailing).limit_counts()
    _reschedule_and_wake(mailing)


def cancel(mailing: Mailing, reason: str = "") -> None:
    """End a mailing for good: what has not left never will. Flushes. Raises `Nonsense`."""
    lifecycle.transition("cancel", mailing, reason=reason[:200])
    mailing.ended_at, mailing.reason, mailing.paused_at = clock.now(), reason[:200] or None, None


def retry_failed(mailing: Mailing) -> int:
    """Owe the mailing again where it failed, and to nobody whose fate is unknown; returns how many. Flushes."""
    _reopen(mailing)
    n = len(requeue(Delivery.mailing_id == mailing.id, Delivery.state == DeliveryState.FAILED))
    _reschedule_and_wake(mailing)
    audit.record("mailing.retry", "mailing", mailing.id, after={"recipients": n})
    return n


def add_recipients(mailing: Mailing) -> int:
    """Owe the mailing to those who have joined its audience since it was frozen; returns how many. Flushes."""
    _reopen(mailing)
    n = materialise_audience(mailing, clock.now())
    audit.record("mailing.extend", "mailing", mailing.id, after={"recipients": n})
    return n


def _reopen(mailing: Mailing) -> None:
    if mailing.state in (MailingState.SENT, MailingState.SENDING):
        if mailing.state == MailingState.SENT:
            lifecycle.transition("reopen", mailing)
            mailing.ended_at = None
        return
    raise lifecycle.InvalidMailingTransition("reopen", mailing)


def _reschedule_and_wake(mailing: Mailing) -> None:
    if has_rate_limit(mailing):
        db.session.flush()
        reschedule_remaining(mailing, clock.now(), count_by_state(mailing.id).get(DeliveryState.SENT, 0))
    run_after_commit(("wake", MAILINGS.name), lambda: wake(MAILINGS.name))
