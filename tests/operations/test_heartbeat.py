"""What follows when the clock is set back: nothing waits until it has caught up."""

from contextlib import closing
from datetime import timedelta

import pytest
from factories import make_petition, make_signature
from sqlalchemy import func

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery, Hold
from petition.operations.heartbeat import Ticking, beat
from petition.operations.models import Heartbeat

HOUR, WAIT, LEASE = timedelta(hours=1), timedelta(seconds=20), timedelta(seconds=60)


def owed(petition, address, **values):
    """Return an email with these columns."""
    signature = make_signature(petition, email=address)
    delivery = db.session.query(Delivery).filter_by(subject_id=signature.id).one()
    for name, value in values.items():
        setattr(delivery, name, value)
    db.session.commit()
    return delivery


@pytest.fixture
def ahead(app):
    """Write down emails and a rest of the mail server an hour from now, and that a worker beat then."""
    petition, then = make_petition(), clock.now() + HOUR
    beat("worker", "a@host")
    db.session.query(Heartbeat).update({"seen_at": then})
    db.session.add(Hold(scope="server", reason="421", until=then + timedelta(seconds=30), strikes=5))
    return {
        "due": owed(petition, "due@example.org", created_at=then, next_attempt_at=then),
        "deferred": owed(petition, "later@example.org", state="deferred", tried_at=then, next_attempt_at=then + WAIT),
        "sending": owed(petition, "begun@example.org", state="sending", lease_until=then + LEASE),
        "busy": owed(petition, "busy@example.org", next_attempt_at=then),
    }


def test_what_waits_is_taken_up_where_it_was(ahead):
    beat("worker", "b@host")
    db.session.commit()
    db.session.expire_all()
    now = db.session.scalar(func.now())
    assert ahead["due"].next_attempt_at <= now
    assert now < ahead["deferred"].next_attempt_at <= now + WAIT
    assert now < ahead["sending"].lease_until <= now + LEASE
    assert ahead["busy"].next_attempt_at > now + HOUR / 2, "that one was to wait"
    assert db.session.query(Hold).count() == 0
    assert [row.name for row in db.session.query(Heartbeat)] == ["b@host"]


def test_nothing_is_moved_while_the_clock_goes_on(ahead):
    db.session.query(Heartbeat).update({"seen_at": clock.now() - timedelta(seconds=1)})
    beat("worker", "b@host")
    db.session.commit()
    db.session.expire_all()
    assert ahead["due"].next_attempt_at > clock.now() + HOUR / 2
    assert db.session.query(Hold).count() == 1


def test_beat_goes_on_asking(app, tmp_path, monkeypatch):
    celery = app.extensions["celery"]
    monkeypatch.setitem(celery.conf, "beat_schedule", {"sweep": {"task": "sweep", "schedule": 5.0}})
    with closing(Ticking(celery, schedule_filename=str(tmp_path / "beat"))) as scheduler:
        sweep = scheduler.schedule["sweep"]
        sweep.last_run_at = celery.now() + HOUR
        scheduler.tick()
        assert sweep.is_due().next <= 5
        assert scheduler._heap[0].time <= scheduler._when(sweep, 5)
