"""Reconciliation finds, corrects and reports differences, and enqueues missing confirmation emails."""

from sqlalchemy import delete, func, select, text, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations.models import Drift, FailureGroup, Probe, StateCount
from petition.operations.statistics import queue_stats, rollup
from petition.operations.statistics.reconcile import ADVISORY_LOCK_ID, reconcile
from petition.petitions.counters import get_count
from petition.petitions.statistics.models import PetitionCount
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature


def make_confirmed_and_pending_signatures():
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@example.org") for n in range(4)]
    for signature in signatures[:2]:
        confirm_signature(signature)
    db.session.commit()
    return petition, signatures


def test_agreeing_statistics_are_left_unchanged(app):
    make_confirmed_and_pending_signatures()
    assert reconcile() == []
    rollup.roll_up()
    assert reconcile() == []
    assert db.session.get(Probe, "reconciliation").ok


def test_drifted_counter_is_repaired_and_reported(app):
    petition, _ = make_confirmed_and_pending_signatures()
    db.session.execute(update(PetitionCount).values(people=PetitionCount.people + 5))
    db.session.commit()
    found = reconcile()
    assert [(drift.what, drift.expected) for drift in found] == [("count of persons", 2)]
    assert get_count(petition).people == 2
    assert reconcile() == []
    assert db.session.query(Drift).count() == 1


def test_drifted_queue_statistics_are_repaired(app):
    make_confirmed_and_pending_signatures()
    db.session.execute(update(Delivery).values(state="failed", cause="550", domain="example.org"))
    db.session.commit()
    rollup.roll_up()
    db.session.execute(update(StateCount).values(n=StateCount.n + 7))
    db.session.execute(delete(FailureGroup))
    db.session.commit()
    assert reconcile()
    counted = dict(db.session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())
    depths = {state: n for (subject, _, state), n in queue_stats.read_depths().items() if subject == "delivery" and n}
    assert depths == counted
    assert db.session.query(func.sum(FailureGroup.n)).scalar() == counted["failed"]
    assert reconcile() == []


def test_missing_confirmation_email_is_enqueued(app):
    _, signatures = make_confirmed_and_pending_signatures()
    db.session.execute(delete(Delivery).where(Delivery.subject_id == signatures[3].id))
    db.session.commit()
    assert reconcile() == [], "requested a moment ago: the email may be being enqueued"
    db.session.execute(update(Signature).values(requested_at=text("now() - interval '2 min'")))
    db.session.commit()
    (drift,) = reconcile()
    assert (drift.what, drift.subject_id) == ("confirmation email missing", signatures[3].id)
    row = db.session.query(Delivery).filter_by(subject_id=signatures[3].id).one()
    assert (row.kind, row.state) == ("confirm_signature", "due")
    assert reconcile() == []


def test_failed_confirmation_email_is_not_enqueued_again(app):
    _, _ = make_confirmed_and_pending_signatures()
    db.session.execute(update(Delivery).values(state="failed"))
    db.session.execute(update(Signature).values(requested_at=text("now() - interval '2 min'")))
    db.session.commit()
    assert reconcile() == []


def test_concurrent_reconciliations_are_exclusive(app):
    make_confirmed_and_pending_signatures()
    db.session.execute(update(PetitionCount).values(people=PetitionCount.people + 5))
    db.session.commit()
    with db.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK_ID})")
        assert reconcile() == []
        other.rollback()
    assert reconcile()
