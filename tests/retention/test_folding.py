from datetime import timedelta

import pytest
from sqlalchemy import text, update
from support.factories import make_petition, make_signature
from support.mailings import make_consenting_signature, send_mailing
from support.retention import Clock

from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.models import Attempt, Delivery
from petition.delivery.worker import run_queue
from petition.mailings.progress import count_by_state
from petition.operations.statistics.reconcile import reconcile
from petition.operations.statistics.rollup import roll_up
from petition.retention import folding
from petition.retention.folding import fold_old
from petition.retention.models import DeliveryDay
from petition.signatures.personal.self_service import erase


@pytest.fixture
def travel(app, monkeypatch):
    monkeypatch.setattr(folding, "BATCH_SIZE", 2)
    return Clock(monkeypatch)


def sign_three():
    petition = make_petition()
    for name in "abc":
        make_signature(petition, email=f"{name}@example.org")
    run_queue("confirmations")
    return petition


def test_old_emails_and_their_attempts_become_daily_figures(travel, sent_emails):
    petition = sign_three()
    first = db.session.query(Delivery).first()
    db.session.add(Bounce(kind="soft", status="", response="", source="imap", digest="d", delivery_id=first.id,
                          address_hash=first.address_hash))  # fmt: skip
    db.session.commit()
    travel.move(days=89)
    assert fold_old(10) == 0
    assert db.session.query(Attempt).count() == 3
    travel.move(days=2)
    assert fold_old(10) == 3
    assert (db.session.query(Delivery).count(), db.session.query(Attempt).count()) == (0, 0)
    [day] = db.session.query(DeliveryDay).all()
    assert (day.petition_id, day.kind, day.state, day.mailing_id) == (petition.id, "confirm_signature", "sent", 0)
    assert (day.emails, day.attempts) == (3, 3)
    assert db.session.query(Bounce).one().address_hash is None
    assert fold_old(10) == 0
    assert db.session.query(DeliveryDay).one().emails == 3


def test_what_is_waiting_or_young_stays(travel, sent_emails):
    petition = sign_three()
    make_signature(petition, email="d@example.org")
    db.session.execute(update(Delivery).values(created_at=Delivery.created_at - timedelta(days=100)))
    db.session.execute(text("UPDATE deliveries SET settled_at = settled_at - interval '100 days' WHERE subject_id = 1"))
    db.session.commit()
    assert fold_old(10) == 1
    assert {delivery.state for delivery in db.session.query(Delivery)} == {"sent", "due"}


def test_a_mailing_keeps_its_figures_and_a_signer_the_link_to_unsubscribe(travel, sent_emails):
    petition = make_petition()
    signatures = [make_consenting_signature(petition, f"{name}@example.org") for name in "abc"]
    mailing, _emails = send_mailing(petition, sent_emails)
    before = count_by_state(mailing.id)
    assert before["sent"] == 3
    travel.move(days=100)
    fold_old(10)
    assert db.session.query(Delivery).filter_by(kind="mailing").count() == 3
    assert db.session.query(Attempt).count() == 0
    erase(signatures[0])
    db.session.commit()
    fold_old(10)
    assert db.session.query(Delivery).filter_by(kind="mailing").count() == 2
    assert count_by_state(mailing.id) == before
    while roll_up():
        pass
    assert count_by_state(mailing.id) == before
    assert "mailing" not in {drift.what.split()[0] for drift in reconcile()}
    assert count_by_state(mailing.id) == before
