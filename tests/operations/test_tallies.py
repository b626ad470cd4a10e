"""The database's own tallies agree with its rows, whatever was done to them."""

from datetime import timedelta

from factories import make_petition, make_signature
from sqlalchemy import delete, func, select, update

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations import flow, tallies, waits
from petition.operations.models import TallyLog
from petition.signatures.confirm import confirm
from petition.signatures.models import Signature
from petition.signatures.withdraw import erase


def counted():
    """Count the rows, as the view never does."""
    db.session.expire_all()
    found = {
        ("delivery", lane, state): n
        for lane, state, n in db.session.execute(
            select(Delivery.lane, Delivery.state, func.count()).group_by(Delivery.lane, Delivery.state)
        )
    }
    for state, n in db.session.execute(select(Signature.state, func.count()).group_by(Signature.state)):
        found["signature", "", state] = n
    return found


def tallied():
    return {key: n for key, n in flow.depths().items() if n}


def settle(state, **values):
    db.session.execute(update(Delivery).values(state=state, settled_at=func.now(), tried_at=func.now(), **values))
    db.session.commit()


def test_depths_agree_before_and_after_folding_whatever_happens(app):
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@example.org") for n in range(5)]
    assert tallied() == counted()
    tallies.fold()
    assert db.session.query(TallyLog).count() == 0
    assert tallied() == counted()
    confirm(signatures[0])
    db.session.execute(update(Delivery).where(Delivery.subject_id == signatures[1].id).values(state="sending"))
    db.session.execute(
        update(Delivery).where(Delivery.subject_id == signatures[2].id).values(state="failed", cause="550 5.7.1")
    )
    db.session.execute(delete(Delivery).where(Delivery.subject_id == signatures[3].id))
    erase(signatures[4])
    db.session.commit()
    assert tallied() == counted()
    db.session.execute(update(Delivery).values(state="due"))
    db.session.rollback()
    tallies.fold()
    assert tallied() == counted()


def test_folding_in_small_batches_loses_nothing(app, monkeypatch):
    monkeypatch.setattr(tallies, "BATCH", 3)
    petition = make_petition()
    for n in range(7):
        make_signature(petition, email=f"s{n}@example.org")
        assert tallied() == counted()
    while tallies.fold():
        assert tallied() == counted()


def test_waits_are_the_time_from_posting_to_acceptance(app):
    petition = make_petition()
    for n in range(10):
        make_signature(petition, email=f"s{n}@example.org")
    db.session.execute(update(Delivery).values(created_at=Delivery.created_at - timedelta(seconds=5)))
    settle("sent", domain="example.org")
    for _ in range(2):
        hour = flow.last_hour(db.session.scalar(select(func.now())))
        found = flow.speed(hour.waits("confirmations"))
        assert found.sent == 10
        assert 4.7 <= found.p50 <= 6.8
        assert found.within_10s == 1.0
        slots = flow.last_day(hour.now)
        assert sum(slot.sent["confirmations"] for slot in slots) == 10
        assert flow.all_waits(slots) == hour.waits("confirmations")
        tallies.fold()


def test_the_database_sorts_waits_into_the_buckets_of_the_view(app):
    for bucket, bound in enumerate(waits.BOUNDS):
        for seconds, expected in ((bound - 0.001, bucket), (bound, bucket + 1)):
            found = db.session.scalar(select(func.wait_bucket(timedelta(seconds=seconds))))
            assert found == expected, seconds


def test_only_one_folds_at_a_time(app, the_app):
    petition = make_petition()
    make_signature(petition)
    with db.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({tallies.LOCK})")
        assert tallies.fold() == 0
        other.rollback()
    assert tallies.fold() > 0
