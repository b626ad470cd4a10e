"""Heartbeats of workers and beat, stored in the database where operators see them."""

import os
import socket
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from celery.beat import PersistentScheduler
from flask import Flask
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from petition.core.db import db
from petition.delivery import clock_skew
from petition.delivery.results import get_last_success
from petition.operations.health.facts import EXPIRED_AFTER_SECONDS, SILENT_AFTER_SECONDS
from petition.operations.models import Heartbeat
from petition.operations.statistics.rollup import roll_up
from petition.operations.workers.dead_workers import end_leases

HEARTBEAT_INTERVAL_SECONDS = 1.0
DEAD_WORKERS_BEATS = 3  # every so many heartbeats, a worker looks for others that died
SILENT_AFTER = timedelta(seconds=SILENT_AFTER_SECONDS)
EXPIRED_AFTER = timedelta(seconds=EXPIRED_AFTER_SECONDS)
CLOCK_SKEW_TOLERANCE = timedelta(seconds=5)  # longer than any transaction that records a heartbeat

log = structlog.get_logger(__name__)


def record_heartbeat(part: str, name: str, queues: Sequence[str] = (), threads: int = 1) -> None:
    """Record that this process is alive, and delete rows older than `EXPIRED_AFTER`. Flushes, does not commit.

    A heartbeat in the future means that the system clock moved back: repairs the times that now lie in the future.
    """
    ahead = delete(Heartbeat).where(Heartbeat.seen_at > func.now() + CLOCK_SKEW_TOLERANCE)
    if db.session.execute(ahead.returning(Heartbeat.name)).all():
        log.warning("the system clock moved back: times in the future are repaired")
        clock_skew.repair_future_times()
    row = {
        "part": part,
        "host": socket.gethostname()[:80],
        "pid": os.getpid(),
        "queues": list(queues),
        "version": version("petition")[:40],
        "threads": threads,
        "last_success_at": get_last_success(),
    }
    statement = insert(Heartbeat).values(name=name[:120], **row)
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={**row, "seen_at": func.now()}))
    db.session.execute(delete(Heartbeat).where(Heartbeat.seen_at < func.now() - EXPIRED_AFTER))


class OutageLog:
    """Logs an outage of the database once, and its end, instead of a line at each heartbeat."""

    def __init__(self) -> None:
        self._answers = True

    def failed(self, error: Exception) -> None:
        """Log that a heartbeat could not be recorded, unless the one before could not either."""
        if self._answers:
            log.warning("no heartbeat: the database does not answer", error=type(error).__name__)
        self._answers = False

    def recorded(self) -> None:
        """Log that a heartbeat was recorded, if the one before could not be."""
        if not self._answers:
            log.warning("heartbeats again: the database answers")
        self._answers = True


class HeartbeatThread(threading.Thread):
    """A worker's heartbeat; also rolls up statistics and looks for dead workers, which any worker may do."""

    def __init__(self, app: Flask, name: str, queues: Sequence[str], threads: int) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._app = app
        self._row = ("worker", name, queues, threads)
        self._outage = OutageLog()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Record a heartbeat until `stop`; try again at the next one when the database does not answer."""
        name, queues = self._row[1:3]
        log.info("worker started", name=name, queues=list(queues), version=version("petition"), pid=os.getpid())
        beats = 0
        while not self._stopping.wait(HEARTBEAT_INTERVAL_SECONDS):
            with self._app.app_context():
                try:
                    record_heartbeat(*self._row)
                    db.session.commit()
                    roll_up()
                    beats += 1
                    if beats % DEAD_WORKERS_BEATS == 1:
                        end_leases()
                    self._outage.recorded()
                except SQLAlchemyError as error:
                    db.session.rollback()
                    self._outage.failed(error)

    def stop(self) -> None:
        """Stop, and delete the row: a worker that stops on purpose is not reported as silent."""
        self._stopping.set()
        log.info("worker stopped", name=self._row[1], pid=os.getpid())
        self.join(HEARTBEAT_INTERVAL_SECONDS)
        with self._app.app_context():
            try:
                db.session.execute(delete(Heartbeat).where(Heartbeat.name == self._row[1]))
                db.session.commit()
            except SQLAlchemyError:
                db.session.rollback()


class HeartbeatScheduler(PersistentScheduler):  # type: ignore[misc]
    """Beat's scheduler with a heartbeat from its own tick, so that a process that hangs is reported as silent."""

    _recorded_at = 0.0
    _broker_answers = True
    _outage = OutageLog()

    def setup_schedule(self) -> None:
        """Read when each task ran last, and say which version starts."""
        super().setup_schedule()
        log.info("beat started", version=version("petition"), pid=os.getpid())

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Publish a task; log a broker that does not answer once, and its return, instead of a traceback each time."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            if self._broker_answers:
                cause = type(error.__cause__ or error.__context__ or error).__name__
                log.warning("the broker does not answer: periodic tasks wait", error=cause)
            self._broker_answers = False
            return
        if not self._broker_answers:
            log.warning("the broker answers again")
        self._broker_answers = True

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Publish the tasks that are due, then record a heartbeat."""
        self._repair_last_run_times()
        wait: float = super().tick(*args, **kwargs)
        if time.monotonic() - self._recorded_at > HEARTBEAT_INTERVAL_SECONDS:
            self._recorded_at = time.monotonic()
            self._record_heartbeat()
        return min(wait, HEARTBEAT_INTERVAL_SECONDS)

    def _repair_last_run_times(self) -> None:
        """Set `last_run_at` values in the future to now: they were recorded before the system clock moved back."""
        now = self.app.now()
        ahead = [
            entry
            for entry in self.schedule.values()
            if entry.last_run_at and entry.last_run_at > now + CLOCK_SKEW_TOLERANCE
        ]
        for entry in ahead:
            entry.last_run_at = now
        if ahead:
            self._heap = None  # rebuilt by this tick

    def _record_heartbeat(self) -> None:
        with self.app.flask_app.app_context():
            try:
                record_heartbeat("beat", f"beat@{socket.gethostname()}/{os.getpid()}")
                db.session.commit()
                self._outage.recorded()
            except SQLAlchemyError as error:
                db.session.rollback()
                self._outage.failed(error)
