"""Alerts to the team by email: milestones, closings, the day's digest, what is wrong, deadlines, forging, attacks.

Each can be switched off.

An alert is a row for each member who wants it, made once for its cause, and the outbox sends it. So an alert about mail
that is stuck arrives where other emails still leave; the webhook and monitoring (docs/operations.md) cover the rest.
"""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.desk import home
from petition.desk.models import TeamAlert
from petition.desk.queries import INSERT_ALERTS, MARK_MILESTONE, SELECT_NEW_ATTACKS, SELECT_WEBHOOK_TROUBLES
from petition.integrations.webhooks.events import write_milestone
from petition.integrity.queries import COUNT_HELD_SINCE
from petition.operations import alert_webhooks
from petition.operations.health.troubles import take_alerts
from petition.petitions.counters import get_counts
from petition.petitions.models import ChallengePolicy, PetitionState
from petition.petitions.queries import list_all
from petition.privacy.deadlines import SOON_DAYS
from petition.privacy.person_requests import list_open
from petition.retention.schedule import PlanState, list_plans
from petition.signatures.abuse.attacks import MAX_ROWS, WINDOW
from petition.signatures.review.queue import count_names
from petition.team.alert_kinds import ALERT_ROLES, AlertKind
from petition.team.models import TeamRole

TEAM_ALERT = "team_alert"  # the kind of its emails
DIGEST_HOUR = 6  # UTC, from which the digest of the day before is sent
CLOSING_SOON = timedelta(days=7)
ALERT_RETENTION = timedelta(days=90)


def check() -> None:
    """Make the alerts that are due, and enqueue their emails. Commits."""
    _check_milestones()
    _check_closings()
    _check_trouble()
    _check_digest()
    _check_data()
    _check_integrity()
    _check_attacks()
    _check_webhooks()
    db.session.commit()


def _make(kind: AlertKind, key: str, data: dict[str, Any]) -> bool:
    """Make an alert for every member who wants it, unless it was made before; return whether it was. Flushes."""
    roles = [*ALERT_ROLES[kind], TeamRole.ADMIN]
    values = {"kind": kind, "key": key, "data": json.dumps(data), "roles": roles}
    ids = db.session.scalars(INSERT_ALERTS, values).all()
    if ids:
        enqueue(TEAM_ALERT, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=n, generation=0) for n in ids])
    return bool(ids)


def _check_milestones() -> None:
    petitions = [petition for petition in list_all() if petition.state_now == PetitionState.OPEN]
    counts = get_counts(petitions)
    for petition in petitions:
        reached = [milestone for milestone in petition.milestones if milestone <= counts[petition.id].total]
        if reached:
            count = counts[petition.id]
            data = {"slug": petition.slug, "title": home.get_title(petition), "milestone": max(reached),
                    "confirmed": count.confirmed, "paper": count.paper, "goal": count.goal}  # fmt: skip
            key = f"{petition.id}:{max(reached)}"
            if _make(AlertKind.MILESTONE, key, data) or db.session.scalar(MARK_MILESTONE, {"key": key}):
                write_milestone(petition, max(reached), count.total)


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
         "total": counts[petition.id].total}
        for petition in petitions
        if petition.id in new and new[petition.id].counted
    ]  # fmt: skip
    if lines or waiting:
        _make(AlertKind.DIGEST, now.date().isoformat(), {"petitions": lines, "names": waiting})


def _check_data() -> None:
    """Make an alert for each request of a person due within a week, and each month for what stays restricted."""
    now = clock.now()
    for request in list_open():
        if request.due_on <= now.date() + timedelta(days=SOON_DAYS):
            data = {"request": request.id, "asked_for": request.kind, "due_on": request.due_on.isoformat()}
            _make(AlertKind.DATA, f"request:{request.id}:{request.due_on}", data)
    for plan in list_plans():
        if plan.state == PlanState.DONE and plan.restricted:
            data = {"slug": plan.petition.slug, "title": home.get_title(plan.petition), "restricted": plan.restricted}
            _make(AlertKind.DATA, f"restricted:{plan.petition.id}:{now:%Y-%m}", data)


def _check_integrity() -> None:
    """Make an alert for each petition of whose signatures a rule quarantined some within this hour; one an hour."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    rows = {row.petition_id: row for row in db.session.execute(COUNT_HELD_SINCE, {"since": hour})}
    for petition in list_all() if rows else ():
        if row := rows.get(petition.id):
            data = {"slug": petition.slug, "title": home.get_title(petition), "signatures": int(row.signatures)}
            _make(AlertKind.INTEGRITY, f"{petition.id}:{hour:%Y-%m-%dT%H}", data)


def _check_attacks() -> None:
    """Make an alert for each attack on a petition that began, with how many signatures nobody confirmed lately."""
    values = {"now": clock.now(), "window": WINDOW, "max_rows": MAX_ROWS, "policy": ChallengePolicy.AUTOMATIC.value}
    attacks = {row.id: row for row in db.session.execute(SELECT_NEW_ATTACKS, values)}
    for petition in list_all() if attacks else ():
        if attack := attacks.get(petition.id):
            data = {"slug": petition.slug, "title": home.get_title(petition), "unconfirmed": attack.unconfirmed,
                    "minutes": WINDOW // timedelta(minutes=1), "since": attack.attacked_since.isoformat(),
                    "timezone": petition.timezone}  # fmt: skip
            _make(AlertKind.ATTACK, attack.key, data)


def _check_webhooks() -> None:
    """Make an alert when a receiver asked that no more be sent, and once a day while events are given up."""
    for endpoint in db.session.execute(SELECT_WEBHOOK_TROUBLES):
        data = {"endpoint": endpoint.id, "host": urlsplit(endpoint.url).hostname, "given_up": endpoint.given_up}
        if endpoint.disabled_at:
            _make(AlertKind.WEBHOOK, f"{endpoint.id}:{endpoint.disabled_at:%Y-%m-%dT%H:%M:%S}", data)
        elif endpoint.given_up:
            _make(AlertKind.WEBHOOK, f"{endpoint.id}:{clock.now():%Y-%m-%d}", data)


def _check_trouble() -> None:
    """Tell operators of what is wrong, and of what is over, in one email for all that is new."""
    now = clock.now()
    troubles = take_alerts(now)
    if not troubles:
        return
    alert_webhooks.store(troubles)
    reported = [
        {"name": trouble.name, "severity": trouble.severity, "messages": trouble.messages,
         "minutes": round((trouble.ended_at - trouble.since) / timedelta(minutes=1)) if trouble.ended_at else None}
        for trouble in troubles
    ]  # fmt: skip
    _make(AlertKind.TROUBLE, now.isoformat(timespec="milliseconds"), {"troubles": reported})


def delete_old() -> None:
    """Delete what was alerted long ago; milestones stay, so that none is announced twice. Does not commit."""
    old = (TeamAlert.created_at < clock.now() - ALERT_RETENTION, TeamAlert.kind != AlertKind.MILESTONE)
    db.session.execute(delete(TeamAlert).where(*old).execution_options(synchronize_session=False))
