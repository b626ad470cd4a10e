"""What time does to mailings: count, begin, keep pace, stop what goes wrong, end what is done."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select, update

from petition.core import clock
from petition.core.db import db
from petition.delivery.lanes import NOTICES
from petition.delivery.models import CANCELLED as DROPPED
from petition.delivery.models import DEFERRED, DUE, SENT, Delivery
from petition.delivery.post import Owed, post
from petition.mailings import audience, life, schedule
from petition.mailings.models import CANCELLED, SCHEDULED, SENDING, STOPPED_KIND, Mailing
from petition.mailings.models import SENT as ENDED
from petition.mailings.pace import is_late, replan
from petition.mailings.progress import Progress, note_speed, progress

JUDGED_FROM = 50  # emails tried, before which a share says little
BATCH = 5_000  # rows dropped by one transaction
REOPENED_FOR = timedelta(days=2)  # after its end, in which an operator may have sent rows of a mailing again

log = structlog.get_logger(__name__)


def watch() -> None:
    """Do all that is to be done now, each mailing in a transaction of its own. Commits."""
    for mailing_id in audience.uncounted():
        _each(mailing_id, _count)
    due = select(Mailing.id).where(Mailing.state == SCHEDULED, Mailing.send_at <= func.now())
    for mailing_id in db.session.scalars(due).all():
        _each(mailing_id, _start)
    for mailing_id in db.session.scalars(select(Mailing.id).where(Mailing.state == SENDING)).all():
        _each(mailing_id, _look)
    lately = select(Mailing.id).where(Mailing.ended_at > clock.now() - REOPENED_FOR)
    for mailing_id in db.session.scalars(lately.where(Mailing.state.in_((CANCELLED, ENDED)))).all():
        _each(mailing_id, _clear)


def _each(mailing_id: int, step) -> None:  # type: ignore[no-untyped-def]
    mailing = db.session.get(Mailing, mailing_id, with_for_update={"of": Mailing, "skip_locked": True},
                             populate_existing=True)  # fmt: skip
    if mailing is not None:
        step(mailing)
    db.session.commit()


def _count(mailing: Mailing) -> None:
    audience.count(mailing)


def _start(mailing: Mailing) -> None:
    if mailing.state == SCHEDULED and mailing.send_at and mailing.send_at <= clock.now():
        owed = schedule.start(mailing)
        log.info("a mailing begins", mailing=mailing.id, recipients=owed)


def _look(mailing: Mailing) -> None:
    """Pause a mailing that goes wrong, end one that is done, spread anew one that is far behind."""
    if mailing.state != SENDING:
        return
    now = progress(mailing)
    wrong = _wrong(mailing, now)
    if wrong:
        schedule.pause(mailing, wrong, actor="limits")
        post(STOPPED_KIND, NOTICES, [Owed(0, mailing.id, int(clock.now().timestamp()))])
        log.warning("a mailing paused by itself", mailing=mailing.id, reason=wrong)
    elif not _waiting(mailing.id):
        life.take("finish", mailing, actor="schedule")
        mailing.ended_at = clock.now()
    elif is_late(mailing):
        replan(mailing, clock.now(), now.states[SENT])
    note_speed(mailing)


def _wrong(mailing: Mailing, now: Progress) -> str | None:
    figures = {name: n - mailing.judged_from.get(name, 0) for name, n in now.judged().items()}
    if figures["tried"] < JUDGED_FROM:
        return None
    for name, limit in (
        ("failed", mailing.failure_limit),
        ("unsubscribed", mailing.unsubscribe_limit),
    ):
        share = figures[name] / figures["tried"]
        if share > limit:
            return f"limit {name} {share:.4f} {limit:.4f}"
    return None


def _waiting(mailing_id: int) -> bool:
    # From the rows, not from the tallies: an end is for good.
    active = select(Delivery.id).where(
        Delivery.mailing_id == mailing_id, Delivery.state.in_((DUE, DEFERRED, "sending"))
    )
    return bool(db.session.scalar(select(active.exists())))


def _clear(mailing: Mailing) -> None:
    """Drop what a cancelled mailing still owes; let an ended one go on where an operator had rows sent again."""
    if mailing.state == ENDED and _waiting(mailing.id):
        life.take("reopen", mailing, actor="queue")
        mailing.ended_at = None
    while mailing.state == CANCELLED and _drop(mailing.id):
        db.session.commit()


def _drop(mailing_id: int) -> bool:
    batch = select(Delivery.id).where(Delivery.mailing_id == mailing_id, Delivery.state.in_((DUE, DEFERRED)))
    dropped = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(batch.limit(BATCH).with_for_update(skip_locked=True).scalar_subquery()))
        .values(state=DROPPED, settled_at=func.now(), reason="the mailing was cancelled")
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(dropped, "rowcount", 0))
