"""State changes and their rollups, heartbeats, probes, and differences found by reconciliation.

Triggers on `deliveries` and `signatures` (migrations/sql/0013_functions.sql) write a few rows of `state_change_log` for
each statement; workers add them up into the other tables every second. A statistic is the sum of both: exact at every
moment, without a row that every transaction updates and without counting rows.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Double, Index, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column

# Of a trouble: the health statuses but "ok", and what does not keep mail from flowing.
SEVERITIES = ("stuck", "slow", "warning")


class StateChangeLog(Model):
    """What one statement changed: how many rows a state gained or lost, and how many entered it."""

    __tablename__ = "state_change_log"

    id: Mapped[int] = identity_column()
    subject: Mapped[str] = mapped_column(String(10))
    queue: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    cause: Mapped[str] = mapped_column(String(80))
    domain: Mapped[str] = mapped_column(String(255))
    bucket: Mapped[int | None] = mapped_column(SmallInteger)
    minute: Mapped[datetime | None]
    hour: Mapped[datetime | None]
    change: Mapped[int]
    entered: Mapped[int]


class StateCount(Model):
    """How many rows are in a state, without the changes that are still in the log."""

    __tablename__ = "state_counts"

    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    queue: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    n: Mapped[int]


class FailureGroup(Model):
    """How many deliveries are deferred, failed or unknown, without the changes that are still in the log."""

    __tablename__ = "failure_groups"

    queue: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    cause: Mapped[str] = mapped_column(String(80), primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    n: Mapped[int]

    __table_args__ = (Index("ix_failure_groups_n", "n"),)


class MinuteRollup(Model):
    """How many rows entered a state within a minute, by reason class and latency bucket."""

    __tablename__ = "minute_rollups"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    queue: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    reason: Mapped[str] = mapped_column(String(12), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]


class Total(Model):
    """How many rows ever entered a state: a Prometheus counter, which never goes down."""

    __tablename__ = "totals"

    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    queue: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    reason: Mapped[str] = mapped_column(String(12), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]


class DomainRollup(Model):
    """What became of the confirmation links requested within an hour, by recipient domain."""

    __tablename__ = "domain_rollups"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]


class MailHistory(Model):
    """What became of emails within an hour or a day (`grain`), by mail provider: volume, waits, rejections.

    `state` is that of deliveries, at its time; or, at the time of the email, `linked` (a confirmation link emailed) and
    `confirmed` (somebody followed one). `bucket` is of the latency of emails sent, -1 of others. Rows of the queue
    `webhooks` are of attempts to send events to other programs.
    """

    __tablename__ = "mail_history"

    grain: Mapped[str] = mapped_column(String(4), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(255), primary_key=True)
    queue: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    reason: Mapped[str] = mapped_column(String(12), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]


class WebRequests(Model):
    """HTTP requests ever answered, by method, URL rule, status and the bucket of their duration (`web_requests`)."""

    __tablename__ = "web_requests"

    method: Mapped[str] = mapped_column(String(10), primary_key=True)
    rule: Mapped[str] = mapped_column(String(200), primary_key=True)
    status: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int]
    seconds: Mapped[float] = mapped_column(Double)


class Heartbeat(Model):
    """The last heartbeat of a worker process or of beat."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    part: Mapped[str] = mapped_column(String(10))
    host: Mapped[str] = mapped_column(String(80))
    pid: Mapped[int]
    queues: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    version: Mapped[str] = mapped_column(String(40))
    threads: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_success_at: Mapped[datetime | None]


class Probe(Model):
    """The last result of a periodic check: the mail server, the nightly reconciliation."""

    __tablename__ = "probes"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    ok: Mapped[bool]
    response: Mapped[str] = mapped_column(String(200))
    milliseconds: Mapped[int]
    value: Mapped[float | None] = mapped_column(Double)  # what it measured: see who records it


class Trouble(Model):
    """Something that is wrong, since when, and whether operators were alerted; deleted some minutes after its end.

    `name` is its section in the runbook, `subject` the provider or the like that it is of. `messages` by language.
    """

    __tablename__ = "troubles"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    severity: Mapped[str] = mapped_column(String(7))
    messages: Mapped[dict[str, str]] = mapped_column(JSONB)
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    notified_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint(f"severity IN {SEVERITIES}", name="severity"),)


class AlertWebhook(Model):
    """An alert to PETITION_ALERT_WEBHOOK that has not been taken yet."""

    __tablename__ = "alert_webhooks"

    id: Mapped[int] = identity_column()
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Drift(Model):
    """A statistic that reconciliation found wrong and corrected, or a confirmation email that it enqueued."""

    __tablename__ = "drifts"

    id: Mapped[int] = identity_column()
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    what: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None]
    found: Mapped[int]
    expected: Mapped[int]
