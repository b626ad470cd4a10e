"""When the system clock moves back, times left in the future are repaired."""

import logging
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import func
from support.factories import make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery, Pause
from petition.operations.models import Heartbeat
from petition.operations.statistics.snapshot import take_snapshot
from petition.operations.workers import heartbeat
from petition.operations.workers.heartbeat import HeartbeatScheduler, OutageLog, record_heartbeat

HOUR, WAIT, LEASE = timedelta(hours=1), timedelta(seconds=20), timedelta(seconds=60)


def make_delivery(petition, address, **values):
    """Return a delivery with these values."""
    signature = make_signature(petition, email=address)
    delivery = db.session.query(Delivery).filter_by(subject_id=signature.id).one()
    for name, value in values.items():
        setattr(delivery, name, value)
    db.session.commit()
    return delivery


@pytest.fixture
def future_rows(app):
    """Store deliveries, a back-off and a heartbeat as of an hour from now; one delivery was scheduled for then."""
    petition, then = make_petition(), clock.now() + HOUR
    record_heartbeat("worker", "a@host")
    db.session.query(Heartbeat).update({"seen_at": then})
    db.session.add(Pause(scope="server", reason="421", until=then + timedelta(seconds=30), strikes=5))
    return {
        "due": make_delivery(petition, "due@example.org", created_at=then, next_attempt_at=then),
        "deferred": make_delivery(
            petition, "later@example.org", state="deferred", tried_at=then, next_attempt_at=then + WAIT
        ),
        "sending": make_delivery(petition, "begun@example.org", state="sending", lease_until=then + LEASE),
        "scheduled": make_delivery(petition, "scheduled@example.org", next_attempt_at=then),
    }


def test_clock_set_back_repairs_future_timestamps(future_rows):
    record_heartbeat("worker", "b@host")
    db.session.commit()
    db.session.expire_all()
    now = db.session.scalar(func.now())
    assert future_rows["due"].next_attempt_at <= now
    assert now < future_rows["deferred"].next_attempt_at <= now + WAIT
    assert now < future_rows["sending"].lease_until <= now + LEASE
    assert future_rows["scheduled"].next_attempt_at > now + HOUR / 2
    assert db.session.query(Pause).count() == 0
    assert [row.name for row in db.session.query(Heartbeat)] == ["b@host"]


def test_steady_clock_repairs_nothing(future_rows):
    db.session.query(Heartbeat).update({"seen_at": clock.now() - timedelta(seconds=1)})
    record_heartbeat("worker", "b@host")
    db.session.commit()
    db.session.expire_all()
    assert future_rows["due"].next_attempt_at > clock.now() + HOUR / 2
    assert db.session.query(Pause).count() == 1


def test_beat_keeps_scheduling_after_the_clock_moved_back(app, tmp_path, monkeypatch):
    celery = app.extensions["celery"]
    monkeypatch.setitem(celery.conf, "beat_schedule", {"sweep": {"task": "sweep", "schedule": 5.0}})
    with closing(HeartbeatScheduler(celery, schedule_filename=str(tmp_path / "beat"))) as scheduler:
        sweep = scheduler.schedule["sweep"]
        sweep.last_run_at = celery.now() + HOUR
        scheduler.tick()
        assert sweep.is_due().next <= 5
        assert scheduler._heap[0].time <= scheduler._when(sweep, 5)


def test_beat_logs_a_broker_outage_once_and_its_end(app, tmp_path, monkeypatch, caplog):
    celery = app.extensions["celery"]
    monkeypatch.setitem(celery.conf, "beat_schedule", {"sweep": {"task": "sweep", "schedule": 5.0}})
    with closing(HeartbeatScheduler(celery, schedule_filename=str(tmp_path / "beat"))) as scheduler:
        entry = scheduler.schedule["sweep"]

        def fail(*_, **__):
            raise ConnectionError("refused")

        for send in (fail, fail, fail, lambda *_, **__: None, lambda *_, **__: None):
            monkeypatch.setattr(scheduler, "send_task", send)
            scheduler.apply_entry(entry, producer=object())
    said = [each for each in caplog.records if each.name == heartbeat.__name__ and each.levelno >= logging.WARNING]
    messages = [record.getMessage() for record in said]
    assert [("does not answer" in each, "answers again" in each) for each in messages] == [(True, False), (False, True)]
    assert not any("Traceback" in message for message in messages)


def test_worker_that_died_stays_listed_for_a_day(app):
    record_heartbeat("worker", "a@host", ["confirmations"])
    db.session.query(Heartbeat).update({"seen_at": clock.now() - timedelta(hours=20)})
    record_heartbeat("beat", "b@host")
    db.session.commit()
    (worker,) = take_snapshot().workers
    assert worker.silent
    assert "confirmations" in take_snapshot().unserved_queues
    db.session.query(Heartbeat).update({"seen_at": clock.now() - timedelta(hours=25)})
    record_heartbeat("beat", "b@host")
    db.session.commit()
    assert take_snapshot().workers == []


def test_outage_of_the_database_is_logged_once_and_its_end(caplog):
    outage = OutageLog()
    outage.recorded()
    for _ in range(3):
        outage.failed(OSError())
    outage.recorded()
    outage.recorded()
    outage.failed(OSError())
    said = [record.getMessage() for record in caplog.records if "heartbeat" in record.name]
    assert ["does not answer" in line for line in said] == [True, False, True]
    assert "the database answers" in said[1]
