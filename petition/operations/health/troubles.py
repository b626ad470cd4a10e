"""The ledger of what is wrong: since when, and whether operators were alerted of it, and of its end.

It is reported once it has lasted, and is over once it has not been seen for some minutes, so that what comes and
goes is one trouble. Pauses that an operator planned are none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.durations import format_value
from petition.core.i18n import LANGUAGES, SOURCE_LANGUAGE
from petition.operations.health.evaluation import HealthReason, evaluate_health
from petition.operations.health.watched import Warned, find_warnings
from petition.operations.models import Trouble
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import read_facts

WARNING = "warning"  # the severity of what does not keep mail from flowing
# How long a trouble lasts before it is reported: shorter ones are over before anybody could read of them.
MIN_AGE = {"stuck": timedelta(minutes=2), "slow": timedelta(minutes=10), WARNING: timedelta(0)}
OVER_AFTER = timedelta(minutes=5)  # not seen for so long: over


@dataclass(frozen=True)
class TroubleAlert:
    """What operators are alerted of: a trouble that lasts, or one that is over, and how long it had lasted."""

    name: str
    severity: str
    messages: dict[str, str]
    since: datetime
    ended_at: datetime | None = None


def record_troubles() -> None:
    """Record what is wrong now. Commits."""
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    health = evaluate_health(read_facts(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"]))
    rows = {(row["name"], row["subject"]): row for row in map(_from_reason, health.reasons) if row}
    rows |= {(row["name"], row["subject"]): row for row in map(_from_warning, find_warnings(now))}
    if rows:
        statement = insert(Trouble).values(list(rows.values()))
        changes = {name: statement.excluded[name] for name in ("severity", "messages")} | {"seen_at": func.now()}
        db.session.execute(statement.on_conflict_do_update(index_elements=["name", "subject"], set_=changes))
    db.session.commit()


def take_alerts(now: datetime) -> list[TroubleAlert]:
    """Return what operators are to be alerted of now, each once: what has lasted, then what is over. Flushes."""
    known = list(db.session.scalars(select(Trouble).order_by(Trouble.since, Trouble.name).with_for_update()))
    over = [row for row in known if row.seen_at <= now - OVER_AFTER]
    begun = [
        row
        for row in known
        if row not in over and not row.notified_at and row.seen_at - row.since >= MIN_AGE[row.severity]
    ]
    ended = [row for row in over if row.notified_at]
    alerts = [TroubleAlert(row.name, row.severity, row.messages, row.since) for row in begun]
    alerts += [TroubleAlert(row.name, row.severity, row.messages, row.since, row.seen_at) for row in ended]
    for row in begun:
        key = (Trouble.name == row.name, Trouble.subject == row.subject)
        db.session.execute(update(Trouble).where(*key).values(notified_at=now))
    for row in over:
        db.session.execute(delete(Trouble).where(Trouble.name == row.name, Trouble.subject == row.subject))
    return alerts


def _from_reason(reason: HealthReason) -> dict[str, Any] | None:
    if reason.planned:
        return None
    subject = str(reason.values.get("provider", ""))
    messages = _translate(lambda language: reason.message(_, language))
    return {"name": reason.runbook, "subject": subject, "severity": str(reason.status), "messages": messages}


def _from_warning(warned: Warned) -> dict[str, Any]:
    def say(language: str) -> str:
        values = {
            name: value() if callable(value) else format_value(value, language) for name, value in warned.values.items()
        }
        if "whose" in values:
            values["whose"] = _(str(values["whose"]))
        return _(warned.text) % values

    return {"name": warned.name, "subject": warned.subject, "severity": WARNING, "messages": _translate(say)}


def _translate(say: Callable[[str], str]) -> dict[str, str]:
    messages = {}
    for language in {*LANGUAGES, SOURCE_LANGUAGE}:  # reports for machines are in English
        with force_locale(language):
            messages[language] = say(language)
    return messages
