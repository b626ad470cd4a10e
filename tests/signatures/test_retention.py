from datetime import timedelta

import pytest
from support.factories import make_petition, make_signature

from petition.bulk_actions.runner import NoMatchingRows
from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.signatures import retention
from petition.signatures.confirm import can_be_restored, confirm_signature, disown
from petition.signatures.models import Signature
from petition.signatures.search.filters import parse_filter
from petition.signatures.staff.invalidate import prepare_bulk_invalidation
from petition.signatures.staff.restriction import lift, restrict
from petition.signatures.tasks import run_reminders, run_retention


@pytest.fixture
def petition(app):
    return make_petition()


def aged(petition, days, **kwargs):
    return make_signature(petition, requested_at=clock.now() - timedelta(days=days), **kwargs)


@pytest.fixture
def other_petition(app):
    """Return a petition that signers confirmed before: their mailboxes react."""
    return make_petition(slug="verger")


def count_reminders():
    return db.session.query(Delivery).filter_by(kind="reminder").count()


def test_unconfirmed_signatures_are_deleted_after_fourteen_days(petition, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    for n in range(5):
        aged(petition, 15, email=f"old{n}@example.org")
    remaining = [
        aged(petition, 13, email="young@example.org"),
        aged(petition, 15, email="done@example.org", state="confirmed"),
    ]
    run_retention()
    assert {s.id for s in db.session.query(Signature)} == {s.id for s in remaining}


def test_the_details_of_a_disowned_signature_are_erased_after_a_month(petition, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    for days, name in ((31, "a"), (32, "b"), (40, "c"), (29, "young")):
        signature = make_signature(petition, email=f"{name}@example.org", listed=True, state="confirmed")
        disown(signature)
        signature.ended_at = clock.now() - timedelta(days=days)
    db.session.commit()
    run_retention()
    db.session.expire_all()
    rows = {row.email_canonical: row for row in db.session.query(Signature)}
    assert len(rows) == 4, "the canonical address stays, so that it is never emailed again"
    assert rows.pop("young@example.org").name == "Zoé Martin"
    for row in rows.values():
        assert (row.state, row.name, row.email, row.listed) == ("disowned", "", "", False)
        assert not can_be_restored(row)


def with_networks(petition, *ages):
    return [
        aged(petition, age, email=f"{name}@example.org", state="confirmed", network="0" * 32)
        for name, age in zip("abcdefgh", ages, strict=False)
    ]


def networks_left():
    db.session.expire_all()
    return [bool(signature.network) for signature in db.session.query(Signature).order_by(Signature.id)]


def test_network_hashes_go_a_month_after_the_petition_closed(app, petition, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    with_networks(petition, 100, 60, 40, 20)
    run_retention()
    assert networks_left() == [True] * 4, "it is open"
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(days=29)
    db.session.commit()
    run_retention()
    assert networks_left() == [True] * 4
    petition.closed_at = clock.now() - timedelta(days=31)
    db.session.commit()
    run_retention()
    assert networks_left() == [False] * 4


def test_network_hashes_of_a_petition_that_stays_open_go_after_a_year(petition, other_petition):
    with_networks(petition, 366, 364)
    run_retention()
    assert networks_left() == [False, True]


def test_what_is_restricted_is_stored_and_nothing_else_until_that_is_lifted(petition, other_petition):
    old, disowned = (
        clock.now() - timedelta(days=400),
        make_signature(petition, email="gone@example.org", network="0" * 32),
    )
    confirm_signature(disowned)
    disown(disowned)
    disowned.ended_at = disowned.requested_at = old
    pending, waiting = aged(petition, 30), aged(petition, 4, email="waits@example.org")
    make_signature(other_petition, email="waits@example.org", state="confirmed")
    signatures = (disowned, pending, waiting)
    for signature in signatures:
        restrict(signature)
    db.session.commit()
    run_reminders()
    run_retention()
    criteria = parse_filter({"petition": petition.slug, "state": "pending"})
    with pytest.raises(NoMatchingRows):
        prepare_bulk_invalidation(criteria, "a reason", "alix@example.org")
    db.session.rollback()
    db.session.expire_all()
    assert count_reminders() == 0
    assert [(row.email, row.network) for row in (disowned, pending)] == [
        ("gone@example.org", "0" * 32), ("zoe@example.org", None),
    ]  # fmt: skip
    for signature in signatures:
        lift(signature)
    db.session.commit()
    run_reminders()
    run_retention()
    db.session.expire_all()
    assert count_reminders() == 1
    assert db.session.query(Signature).filter_by(email="zoe@example.org").all() == []
    assert (disowned.email, disowned.network) == ("", None)
