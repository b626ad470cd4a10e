"""What the team does with a mailing: schedule, pause, resume, cancel, retry, add recipients."""

from datetime import datetime, timedelta

from flask_babel import gettext as _

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.queues import MAILINGS
from petition.delivery.requeue import requeue
from petition.delivery.wakeup import wake_after_commit
from petition.mailings import lifecycle
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.audience.preview import has_recipients
from petition.mailings.audience.send_rate import has_rate_limit, reschedule_remaining
from petition.mailings.drafting.test_emails import list_untested_languages
from petition.mailings.models import Mailing, MailingState
from petition.mailings.progress import count_by_state, get_progress
from petition.mailings.triggers import is_continuous
from petition.team import audit

MAX_SCHEDULE_AHEAD = timedelta(days=366)
MAX_REASON_CHARACTERS = 200


def schedule(mailing: Mailing, at: datetime | None, by_id: int | None) -> None:
    """Schedule a mailing for a time, or for as soon as its undo window has passed. Flushes.

    `by_id`: the account that is notified if the mailing pauses by itself. The caller locks the mailing. Raises as
    `require_schedulable` does.
    """
    require_schedulable(mailing, at)
    soonest = clock.now() + timedelta(minutes=mailing.undo_minutes)
    mailing.send_at = max(at or soonest, soonest)
    mailing.sent_by_id = by_id
    lifecycle.transition("schedule", mailing, send_at=mailing.send_at.isoformat())


def require_schedulable(mailing: Mailing, at: datetime | None) -> None:
    """Raise `InvalidMailingTransition` or `ValidationError` unless the mailing can be scheduled for a time.

    It must have been tested as it is, and have a recipient.
    """
    lifecycle.require_transition("schedule", mailing)
    _require_tested(mailing)
    if mailing.trigger is None and not has_recipients(mailing):
        raise ValidationError(
            {"state": _("it has no recipient: choose other recipients, or wait for signers to agree to news")}
        )
    if at is not None and (at <= clock.now() or at > clock.now() + MAX_SCHEDULE_AHEAD):
        raise ValidationError({"at": _("choose a time in the future, within a year")})


def _require_tested(mailing: Mailing) -> None:
    if mailing.tested_version != mailing.content_version:
        raise ValidationError({"state": _("it was changed since its last test: test it again")})
    untested = list_untested_languages(mailing)
    if untested:
        raise ValidationError(
            {
                "state": _(
                    "no test email has been sent yet in %(languages)s: wait a moment, or test again",
                    languages=", ".join(untested),
                )
            }
        )


def unschedule(mailing: Mailing) -> None:
    """Undo the scheduling of a mailing before its first email. Flushes. Raises `InvalidMailingTransition`."""
    lifecycle.transition("unschedule", mailing)
    mailing.send_at = None


def start(mailing: Mailing) -> int:
    """Start a scheduled mailing: materialise its audience; returns the number of recipients. Flushes."""
    lifecycle.transition("start", mailing, actor="schedule")
    mailing.started_at = clock.now()
    return 0 if is_continuous(mailing) else materialise_audience(mailing, mailing.started_at)


def pause(mailing: Mailing, reason: str, *, actor: str | None = None) -> None:
    """Pause a mailing: once committed, no host claims any more of it. Flushes. Raises `InvalidMailingTransition`."""
    reason = reason[:MAX_REASON_CHARACTERS]
    lifecycle.transition("pause", mailing, actor=actor, reason=reason)
    mailing.paused_at, mailing.reason = clock.now(), reason


def resume(mailing: Mailing) -> None:
    """Resume a paused mailing where it stopped, at its send rate. Flushes.

    Raises `InvalidMailingTransition`, or `ValidationError` where it was corrected and not tested since.
    """
    lifecycle.require_transition("resume", mailing)
    _require_tested(mailing)
    lifecycle.transition("resume", mailing)
    mailing.paused_at = mailing.reason = None
    # Whoever resumes has seen the failures so far: the limits apply to what comes next.
    mailing.limits_baseline = get_progress(mailing).limit_counts()
    _reschedule_and_wake(mailing)


def cancel(mailing: Mailing, reason: str = "") -> None:
    """Cancel a mailing for good: what was not sent never will be. Flushes. Raises `InvalidMailingTransition`."""
    reason = reason[:MAX_REASON_CHARACTERS]
    lifecycle.transition("cancel", mailing, reason=reason)
    mailing.ended_at, mailing.reason, mailing.paused_at = clock.now(), reason or None, None


def retry_failed(mailing: Mailing) -> int:
    """Make the failed deliveries due again, not those whose outcome is unknown; returns how many. Flushes."""
    _reopen(mailing)
    n = len(requeue(Delivery.mailing_id == mailing.id, Delivery.state == DeliveryState.FAILED))
    _reschedule_and_wake(mailing)
    audit.record("mailing.retry", "mailing", mailing.id, after={"recipients": n})
    return n


def add_recipients(mailing: Mailing) -> int:
    """Enqueue the mailing to those who have joined its audience since; returns how many. Flushes."""
    _reopen(mailing)
    n = materialise_audience(mailing, clock.now())
    audit.record("mailing.extend", "mailing", mailing.id, after={"recipients": n})
    return n


def _reopen(mailing: Mailing) -> None:
    if mailing.state != MailingState.SENDING:
        lifecycle.transition("reopen", mailing)
        mailing.ended_at = None


def _reschedule_and_wake(mailing: Mailing) -> None:
    if has_rate_limit(mailing):
        db.session.flush()
        reschedule_remaining(mailing, clock.now(), count_by_state(mailing.id)[DeliveryState.SENT])
    wake_after_commit(MAILINGS.name)
