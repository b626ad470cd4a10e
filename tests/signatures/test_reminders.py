from datetime import timedelta

import pytest
from support.factories import make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.signatures import reminders
from petition.signatures.tasks import run_reminders


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def other_petition(app):
    """Return a petition that signers confirmed before: their mailboxes react."""
    return make_petition(slug="verger")


def waiting(petition, days, **kwargs):
    return make_signature(petition, requested_at=clock.now() - timedelta(days=days), **kwargs)


def count_reminders():
    return db.session.query(Delivery).filter_by(kind="reminder").count()


def test_each_pending_signer_is_reminded_once_after_three_days(petition, other_petition, monkeypatch):
    monkeypatch.setattr(reminders, "BATCH_SIZE", 2)
    for name in ("old0", "old1", "old2", "old3", "old4", "young", "done"):
        make_signature(other_petition, email=f"{name}@example.org", state="confirmed")
    for n in range(5):
        waiting(petition, 4, email=f"old{n}@example.org")
    waiting(petition, 2, email="young@example.org")
    waiting(petition, 4, email="done@example.org", state="confirmed")
    for _ in range(2):
        run_reminders()
    found = db.session.query(Delivery).filter_by(kind="reminder", queue="notifications").all()
    assert len(found) == 5
    assert len({d.subject_id for d in found}) == 5


def test_a_mailbox_that_never_reacted_is_not_reminded(petition, other_petition):
    waiting(petition, 4, email="never@example.org")
    for state in ("pending", "disowned", "invalidated"):
        waiting(petition, 4, email=f"{state}@example.org")
        make_signature(other_petition, email=f"{state}@example.org", state=state)
    run_reminders()
    assert count_reminders() == 0
    waiting(petition, 4, email="withdrawn@example.org")
    make_signature(other_petition, email="withdrawn@example.org", state="withdrawn", confirmed_at=clock.now())
    run_reminders()
    assert count_reminders() == 1


def test_a_mailbox_that_confirmed_in_another_spelling_or_for_an_organisation_is_reminded(petition, other_petition):
    waiting(petition, 4, email="z.oe+x@gmail.com")
    make_signature(other_petition, email="zoe@googlemail.com", state="confirmed")
    waiting(petition, 4, email="ana@example.org")
    make_signature(petition, email="ana@example.org", party="organisation", organisation="Les amis", state="confirmed")
    run_reminders()
    assert count_reminders() == 2


def test_nobody_is_reminded_of_a_petition_that_is_closed(petition):
    make_signature(make_petition(slug="verger"), state="confirmed")
    waiting(petition, 4)
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(days=2)
    db.session.commit()
    run_reminders()
    assert db.session.query(Delivery).filter_by(kind="reminder").count() == 0
