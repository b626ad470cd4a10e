"""Alerts to the team by email: a milestone reached, a campaign that closes soon, the day's digest, mail that is stuck.

Each can be switched off.

An alert is a row for each member who wants it, made once for its cause, and the outbox sends it. So an alert about mail
that is stuck arrives where other emails still leave; monitoring (docs/operations.md) covers the rest.
"""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import delete, select

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.desk import home
from petition.desk.models import TeamAlert
from petition.desk.queries import INSERT_ALERTS
from petition.operations.health import HealthStatus
from petition.petitions.counters import get_counts
from petition.petitions.models import PetitionState
from petition.petitions.queries import list_all
from petition.signatures.review.queue import count_names
from petition.team.alert_kinds import ALERT_ROLES, AlertKind
from petition.team.models import TeamRole

TEAM_ALERT = "team_alert"  # the kind of its emails
DIGEST_HOUR = 6  # UTC, from which the digest of the day before is sent
CLOSING_SOON = timedelta(days=7)
STUCK_FOR = timedelta(minutes=2)  # shorter trouble is over before anybody could read of it
QUIET_AFTER_TROUBLE = timedelta(hours=6)
ALERTS_KEPT_FOR = timedelta(days=90)
STUCK = "stuck since"  # the kind of the row that remembers when mail got stuck; nobody is mailed about it


def check() -> None:
    """Make the alerts that are due, and enqueue their emails. Commits."""
    _check_milestones()
    _check_closings()
    _check_trouble()
    _check_digest()
    db.session.commit()


def _make(kind: AlertKind, key: str, data: dict[str, Any]) -> None:
    """Make an alert for every member who wants it, unless it was made before. Flushes."""
    roles = [*ALERT_ROLES[kind], TeamRole.ADMIN]
    values = {"kind": kind, "key": key, "data": json.dumps(data), "roles": roles}
    ids = db.session.scalars(INSERT_ALERTS, values).all()
    if ids:
        enqueue(TEAM_ALERT, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=n, generation=0) for n in ids])


def _check_milestones() -> None:
    petitions = [petition for petition in list_all() if petition.state_now == PetitionState.OPEN]
    counts = get_counts(petitions)
    for petition in petitions:
        reached = [milestone for milestone in petition.milestones if milestone <= counts[petition.id].confirmed]
        if reached:
            count = counts[petition.id]
            data = {"slug": petition.slug, "title": home.get_title(petition), "milestone": max(reached),
                    "confirmed": count.confirmed, "paper": count.paper, "goal": count.goal}  # fmt: skip
            _make(AlertKind.MILESTONE, f"{petition.id}:{max(reached)}", data)


def _check_closings() -> None:
    """Make an alert a week before a campaign closes; another one if its closing date was put off since."""
    soon = clock.now() + CLOSING_SOON
    petitions = [petition for petition in list_all() if petition.is_open and petition.closes_at]
    counts = get_counts(petitions)
    for petition in petitions:
        if petition.closes_at and petition.closes_at <= soon:
            day, count = petition.closes_at.astimezone(ZoneInfo(petition.timezone)).date(), counts[petition.id]
            data = {"slug": petition.slug, "title": home.get_title(petition), "day": day.isoformat(),
                    "confirmed": count.confirmed, "paper": count.paper, "goal": count.goal}  # fmt: skip
            _make(AlertKind.CLOSING, f"{petition.id}:{day}", data)


def _check_digest() -> None:
    """Make the digest of a day on which something happened, or something waits."""
    now = clock.now()
    if now.hour < DIGEST_HOUR:
        return
    petitions = [petition for petition in list_all() if petition.state_now != PetitionState.ARCHIVED]
    counts, new, waiting = get_counts(petitions), home.read_new(petitions), count_names()
    lines = [
        {"slug": petition.slug, "title": home.get_title(petition), "new": new[petition.id].counted,
         "total": counts[petition.id].confirmed + counts[petition.id].paper}
        for petition in petitions
        if petition.id in new and new[petition.id].counted
    ]  # fmt: skip
    if lines or waiting:
        _make(AlertKind.DIGEST, now.date().isoformat(), {"petitions": lines, "names": waiting})


def _check_trouble() -> None:
    """Make an alert once mail has been stuck for some minutes, and none for some hours after it."""
    health, now = home.get_health(), clock.now()
    known = db.session.scalar(select(TeamAlert).where(TeamAlert.kind == STUCK))
    if health.status != HealthStatus.STUCK:
        db.session.execute(delete(TeamAlert).where(TeamAlert.kind == STUCK))
        return
    if known is None:
        db.session.add(TeamAlert(kind=STUCK, key="", data={}))
        return
    recent = select(TeamAlert.id).where(
        TeamAlert.kind == AlertKind.TROUBLE, TeamAlert.created_at > now - QUIET_AFTER_TROUBLE
    )
    if known.created_at <= now - STUCK_FOR and db.session.scalar(recent.limit(1)) is None:
        reasons = {}
        for language in LANGUAGES:
            with force_locale(language):
                reasons[language] = [reason.message(_, language) for reason in health.reasons]
        _make(AlertKind.TROUBLE, now.isoformat(timespec="minutes"), {"reasons": reasons})


def delete_old() -> None:
    """Delete what was alerted long ago; milestones stay, so that none is announced twice. Does not commit."""
    old = (TeamAlert.created_at < clock.now() - ALERTS_KEPT_FOR, TeamAlert.kind != AlertKind.MILESTONE)
    db.session.execute(delete(TeamAlert).where(*old).execution_options(synchronize_session=False))
