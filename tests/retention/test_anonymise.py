import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import ArgumentError
from support.factories import make_mailing, make_petition, make_signature
from support.retention import Clock, announce_and_wait, anonymise_all, close_long_ago

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.petitions import lifecycle
from petition.petitions.models import Petition
from petition.petitions.queries import find_by_slug
from petition.retention import anonymise, queries
from petition.retention.announcements import postpone, record_handover
from petition.retention.anonymise import anonymise_batch, anonymise_due
from petition.retention.models import PetitionRetention
from petition.retention.schedule import get_plan
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.review.models import NameReport
from petition.signatures.search.filters import parse_filter
from petition.signatures.staff.actions import list_allowed_actions, perform_action
from petition.signatures.staff.invalidate import invalidate_batch, prepare_bulk_invalidation
from petition.team.models import AuditEvent


@pytest.fixture
def travel(app, monkeypatch):
    monkeypatch.setattr(anonymise, "BATCH_SIZE", 2)
    return Clock(monkeypatch)


@pytest.fixture
def petition(travel):
    """Return a closed petition with five confirmed signatures, due for anonymisation."""
    petition = make_petition()
    for number in "abcde":
        confirm_signature(make_signature(petition, email=f"{number}@example.org", listed=True))
    close_long_ago(petition)
    return petition


def names():
    db.session.expire_all()
    return [signature.name for signature in db.session.query(Signature).order_by(Signature.id)]


def test_nothing_happens_before_the_team_was_told(petition, travel):
    assert anonymise_due(10) == 0
    announce_and_wait(travel)
    travel.move(days=-1)
    assert anonymise_due(10) == 0
    assert names() == ["Zoé Martin"] * 5


def test_each_batch_is_whole_and_the_next_process_goes_on_after_a_kill(petition, travel, monkeypatch):
    announce_and_wait(travel)
    assert anonymise_batch(petition.id)
    monkeypatch.setattr(queries, "DELETE_NAME_REPORTS", "not SQL")
    with pytest.raises(ArgumentError):
        anonymise_batch(petition.id)
    db.session.rollback()
    monkeypatch.undo()
    monkeypatch.setattr(anonymise, "BATCH_SIZE", 2)
    clock_after = Clock(monkeypatch)
    clock_after.offset = travel.offset
    assert names() == [""] * 2 + ["Zoé Martin"] * 3
    assert anonymise_due(10) == 1
    assert names() == [""] * 5
    retention = db.session.get(PetitionRetention, petition.id)
    assert (retention.signatures, retention.finished_at is not None) == (5, True)
    events = db.session.query(AuditEvent).filter_by(subject="petition").order_by(AuditEvent.id)
    assert [event.action.partition(".")[2] for event in events] == [
        "anonymisation_announced", "anonymisation_started", "anonymised",
    ]  # fmt: skip


def test_two_workers_at_once_do_each_signature_once(app, petition, travel):
    announce_and_wait(travel)
    petition_id = petition.id
    db.session.rollback()

    def work():
        with app.app_context():
            anonymise_due(10)
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    retention = db.session.get(PetitionRetention, petition_id)
    assert (retention.signatures, names()) == (5, [""] * 5)
    assert db.session.query(AuditEvent).filter_by(action="petition.anonymised").count() == 1


@pytest.mark.parametrize("state", ["scheduled", "sending", "paused"])
def test_a_mailing_that_starts_meanwhile_stops_it(petition, travel, state):
    announce_and_wait(travel)
    assert anonymise_batch(petition.id)
    mailing = make_mailing(petition, state=state)
    assert not anonymise_batch(petition.id)
    assert anonymise_due(10) == 0
    assert names() == [""] * 2 + ["Zoé Martin"] * 3
    mailing.state, mailing.ended_at = "cancelled", clock.now() - timedelta(days=3)
    db.session.commit()
    anonymise_due(10)
    assert names() == [""] * 5


def test_a_mailing_that_somebody_is_changing_stops_it_and_a_draft_does_not(app, petition, travel):
    announce_and_wait(travel)
    mailing = make_mailing(petition)
    with db.engine.connect() as other:
        other.exec_driver_sql(f"SELECT id FROM mailings WHERE id = {mailing.id} FOR UPDATE")
        assert not anonymise_batch(petition.id)
        other.rollback()
    assert names() == ["Zoé Martin"] * 5
    assert anonymise_batch(petition.id)


def test_no_mailing_starts_before_a_batch_is_committed(petition, travel, monkeypatch):
    announce_and_wait(travel)
    mailing, found = make_mailing(petition, state="tested"), []
    original = anonymise._anonymise_signatures

    def look(retention):
        with db.engine.connect() as other:
            statement = f"SELECT id FROM mailings WHERE id = {mailing_id} FOR UPDATE SKIP LOCKED"
            found.append(other.exec_driver_sql(statement).all())
        return original(retention)

    mailing_id = mailing.id
    monkeypatch.setattr(anonymise, "_anonymise_signatures", look)
    anonymise_batch(petition.id)
    assert found == [[]]


def test_postponed_meanwhile_it_does_not_begin_and_begun_it_cannot_be_postponed(petition, travel):
    announce_and_wait(travel)
    postpone(petition, (clock.now() + timedelta(days=60)).date(), "the answer is due", actor="alix")
    db.session.commit()
    assert anonymise_due(10) == 0
    anonymise_all(travel)
    travel.move(days=60)
    anonymise_all(travel)
    assert names() == [""] * 5
    for change in (
        lambda: postpone(petition, (clock.now() + timedelta(days=60)).date(), "late", actor="alix"),
        lambda: record_handover(petition, None, actor="alix"),
        lambda: lifecycle.open_(find_by_slug("jardin")),
    ):
        with pytest.raises(InvalidTransition):
            change()
        db.session.rollback()


def test_an_anonymised_petition_stays_closed_whatever_its_dates_become(petition, travel):
    petition.closed_at, petition.closes_at, petition.state = None, clock.now() - timedelta(days=400), "open"
    db.session.commit()
    anonymise_all(travel)
    petition = db.session.get(Petition, petition.id, populate_existing=True)
    petition.closes_at = clock.now() + timedelta(days=400)
    assert petition.state_now == "closed"


def test_the_team_can_do_nothing_with_an_anonymised_signature(petition, travel):
    bulk_action = prepare_bulk_invalidation(parse_filter({"petition": "jardin"}), "attack", "alix")
    db.session.commit()
    anonymise_all(travel)
    signatures = db.session.query(Signature).all()
    assert {list_allowed_actions(signature) for signature in signatures} == {()}
    assert not invalidate_batch(bulk_action, "confirmed", [signature.id for signature in signatures])


def test_reports_of_names_go(petition, travel):
    signature = db.session.query(Signature).first()
    db.session.add(NameReport(signature_id=signature.id, reason="offensive", reports=2))
    db.session.commit()
    anonymise_all(travel)
    assert db.session.query(NameReport).count() == 0


def test_only_the_petition_that_is_due_is_anonymised(petition, travel):
    other = make_petition(slug="verger")
    make_signature(other, email="a@example.org", name="Ana Lima")
    anonymise_all(travel)
    assert names() == [""] * 5 + ["Ana Lima"]
    assert get_plan(other).retention.signatures == 0


def test_what_is_restricted_is_stored_as_it_is_until_that_is_lifted(petition, travel):
    restricted = db.session.query(Signature).filter_by(email="c@example.org").one()
    perform_action("restrict", restricted, {"reason": "a question is open"}, actor="alix@example.org")
    before = {name: getattr(restricted, name) for name in ("name", "email", "city", "created_at", "valid_from")}
    assert get_plan(petition).restricted == 1
    anonymise_all(travel)
    plan = get_plan(db.session.get(Petition, petition.id))
    assert (plan.state, plan.restricted, list(plan.restricted_ids)) == ("done", 1, [restricted.id])
    assert names() == ["", "", "Zoé Martin", "", ""]
    assert {name: getattr(restricted, name) for name in before} == before
    event = db.session.query(AuditEvent).filter_by(action="petition.anonymised").one()
    assert event.after == {"signatures": 4, "paper": 0, "kept_back": 1}
    anonymise_due(10)
    assert names() == ["", "", "Zoé Martin", "", ""]
    perform_action("lift", restricted, {"reason": "it is settled"}, actor="alix@example.org")
    db.session.commit()
    anonymise_due(10)
    assert names() == [""] * 5
    plan = get_plan(db.session.get(Petition, petition.id))
    assert (plan.restricted, plan.retention.kept_back, plan.retention.signatures) == (0, [], 5)
    anonymise_due(10)
    assert db.session.query(AuditEvent).filter_by(action="petition.anonymised").count() == 2


def test_what_was_kept_back_and_is_erased_is_forgotten(petition, travel):
    signature = db.session.query(Signature).filter_by(email="c@example.org").one()
    perform_action("restrict", signature, {"reason": "a question is open"}, actor="alix@example.org")
    anonymise_all(travel)
    db.session.expire_all()
    perform_action("erase", signature, {"reason": "asked for"}, actor="alix@example.org")
    db.session.commit()
    anonymise_due(10)
    assert db.session.get(PetitionRetention, petition.id).kept_back == []
