"""Statistics kept by the database agree with its rows before and after each rollup."""

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations.models import StateChangeLog
from petition.operations.statistics import latency, queue_stats, rollup
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase


def row_counts():
    """Count the rows themselves, by subject, queue and state."""
    db.session.expire_all()
    found = {
        ("delivery", queue, state): n
        for queue, state, n in db.session.execute(
            select(Delivery.queue, Delivery.state, func.count()).group_by(Delivery.queue, Delivery.state)
        )
    }
    for state, n in db.session.execute(select(Signature.state, func.count()).group_by(Signature.state)):
        found["signature", "", state] = n
    return found


def rolled_up_counts():
    return {key: n for key, n in queue_stats.read_depths().items() if n}


def settle(state, **values):
    values = {"settled_at": func.now(), "tried_at": func.now(), **values}
    db.session.execute(update(Delivery).values(state=state, **values))
    db.session.commit()


def test_depths_equal_rows_before_and_after_rollup(app):
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@example.org") for n in range(5)]
    assert rolled_up_counts() == row_counts()
    rollup.roll_up()
    assert db.session.query(StateChangeLog).count() == 0
    assert rolled_up_counts() == row_counts()
    confirm_signature(signatures[0])
    db.session.execute(update(Delivery).where(Delivery.subject_id == signatures[1].id).values(state="sending"))
    db.session.execute(
        update(Delivery).where(Delivery.subject_id == signatures[2].id).values(state="failed", cause="550 5.7.1")
    )
    db.session.execute(delete(Delivery).where(Delivery.subject_id == signatures[3].id))
    erase(signatures[4])
    db.session.commit()
    assert rolled_up_counts() == row_counts()
    db.session.execute(update(Delivery).values(state="due"))
    db.session.rollback()
    rollup.roll_up()
    assert rolled_up_counts() == row_counts()


def test_rollup_in_small_batches_loses_nothing(app, monkeypatch):
    monkeypatch.setattr(rollup, "BATCH_SIZE", 3)
    petition = make_petition()
    for n in range(7):
        make_signature(petition, email=f"s{n}@example.org")
        assert rolled_up_counts() == row_counts()
    while rollup.roll_up():
        assert rolled_up_counts() == row_counts()


def test_latency_is_from_enqueue_to_acceptance(app):
    petition = make_petition()
    for n in range(10):
        make_signature(petition, email=f"s{n}@example.org")
    settle("sent", domain="example.org", settled_at=Delivery.created_at + timedelta(seconds=5))
    for _ in range(2):
        hour = queue_stats.read_last_hour(db.session.scalar(select(func.now())))
        found = queue_stats.summarise_latency(hour.latency_counts("confirmations"))
        assert found.sent == 10
        assert 4.7 <= found.p50 <= 6.8
        assert found.within_10s == 1.0
        slots = queue_stats.read_last_day(hour.now)
        assert sum(slot.sent["confirmations"] for slot in slots) == 10
        assert queue_stats.merge_latency_counts(slots) == hour.latency_counts("confirmations")
        rollup.roll_up()


def test_sql_and_python_use_the_same_latency_buckets(app):
    for bucket, bound in enumerate(latency.BUCKET_BOUNDS_SECONDS):
        for seconds, expected in ((bound - 0.001, bucket), (bound, bucket + 1)):
            found = db.session.scalar(select(func.latency_bucket(timedelta(seconds=seconds))))
            assert found == expected, seconds


def test_rollup_is_exclusive(app, session_app):
    petition = make_petition()
    make_signature(petition)
    with db.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({rollup.ADVISORY_LOCK_ID})")
        assert rollup.roll_up() == 0
        other.rollback()
    assert rollup.roll_up() > 0
