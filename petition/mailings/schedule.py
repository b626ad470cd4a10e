"""Send a mailing, now or later, and hold it, let it go on, take it back, or send it to those it has not reached."""

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, update

from petition.core import clock
from petition.core.db import after_commit, db
from petition.core.errors import Refusal
from petition.delivery.doorbell import ring
from petition.delivery.lanes import MAILINGS
from petition.delivery.models import DUE, FAILED, SENT, Delivery
from petition.mailings import life
from petition.mailings.freeze import freeze
from petition.mailings.models import CANCELLED, SENDING, Mailing
from petition.mailings.pace import is_paced, replan
from petition.mailings.progress import progress, states_of
from petition.mailings.rehearse import untested
from petition.team import audit

FARTHEST = timedelta(days=366)


def schedule(mailing: Mailing, at: datetime | None, by_id: int | None) -> None:
    """Have a mailing sent at a moment, or as soon as its undo window has passed. Flushes. Raises `Refusal`.

    `by_id`: the account that is told when the mailing pauses by itself. The caller holds the mailing's lock.
    """
    if not life.may("schedule", mailing):
        raise life.Nonsense("schedule", mailing)
    if mailing.tested_version != mailing.version:
        raise Refusal({"state": _("it was changed since its last test: test it again")})
    waiting = untested(mailing)
    if waiting:
        raise Refusal(
            {
                "state": _(
                    "no test has left yet in %(languages)s: wait a moment, or test again", languages=", ".join(waiting)
                )
            }
        )
    soonest = clock.now() + timedelta(minutes=mailing.undo_minutes)
    if at is not None and (at <= clock.now() or at > clock.now() + FARTHEST):
        raise Refusal({"at": _("choose a moment that is to come, within a year")})
    mailing.send_at = max(at or soonest, soonest)
    mailing.sent_by_id = by_id
    life.take("schedule", mailing, send_at=mailing.send_at.isoformat())


def unschedule(mailing: Mailing) -> None:
    """Take a mailing back before its first email. Flushes. Raises `Nonsense`."""
    life.take("unschedule", mailing)
    mailing.send_at = None


def start(mailing: Mailing) -> int:
    """Freeze the audience of a mailing whose moment has come, and let it leave; returns how many it is. Flushes."""
    life.take("start", mailing, actor="schedule")
    mailing.started_at = mailing.frozen_to = clock.now()
    return freeze(mailing, mailing.started_at)


def pause(mailing: Mailing, reason: str, *, actor: str | None = None) -> None:
    """Hold a mailing: nothing more is claimed, on any host, once this is committed. Flushes. Raises `Nonsense`."""
    life.take("pause", mailing, actor=actor, reason=reason[:200])
    mailing.paused_at, mailing.reason = clock.now(), reason[:200]


def resume(mailing: Mailing) -> None:
    """Let a paused mailing go on where it was held, at its pace. Flushes. Raises `Nonsense`."""
    life.take("resume", mailing)
    mailing.paused_at = mailing.reason = None
    # Whoever resumes has seen what went wrong: the limits are for what comes next.
    mailing.judged_from = progress(mailing).judged()
    _go_on(mailing)


def cancel(mailing: Mailing, reason: str = "") -> None:
    """End a mailing for good: what has not left never will. Flushes. Raises `Nonsense`."""
    life.take("cancel", mailing, reason=reason[:200])
    mailing.ended_at, mailing.reason, mailing.paused_at = clock.now(), reason[:200] or None, None


def retry_failed(mailing: Mailing) -> int:
    """Owe the mailing again where it failed, and to nobody whose fate is unknown; returns how many. Flushes."""
    _reopen(mailing)
    again = db.session.execute(
        update(Delivery)
        .where(Delivery.mailing_id == mailing.id, Delivery.state == FAILED)
        .values(state=DUE, attempt=0, next_attempt_at=func.now(), settled_at=None, cause="")
        .execution_options(synchronize_session=False)
    )
    _go_on(mailing)
    n = int(getattr(again, "rowcount", 0))
    audit.record("mailing.retry", "mailing", mailing.id, after={"recipients": n})
    return n


def extend(mailing: Mailing) -> int:
    """Owe the mailing to those who have joined its audience since it was frozen; returns how many. Flushes."""
    _reopen(mailing)
    mailing.frozen_to = clock.now()
    n = freeze(mailing, mailing.frozen_to)
    audit.record("mailing.extend", "mailing", mailing.id, after={"recipients": n})
    return n


def _reopen(mailing: Mailing) -> None:
    if mailing.state in (SENT, SENDING):
        if mailing.state == SENT:
            life.take("reopen", mailing)
            mailing.ended_at = None
        return
    raise life.Nonsense("reopen", mailing)


def _go_on(mailing: Mailing) -> None:
    if is_paced(mailing):
        db.session.flush()
        replan(mailing, clock.now(), states_of(mailing.id).get(SENT, 0))
    after_commit(("ring", MAILINGS.name), lambda: ring(MAILINGS.name))


def is_over(mailing: Mailing) -> bool:
    """Say whether nothing of the mailing will leave any more."""
    return mailing.state in (SENT, CANCELLED)
