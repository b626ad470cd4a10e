"""How many emails a worker takes in hand at once: more where they leave quickly, never more than leave in a moment."""

import time

import pytest
import redis
from factories import make_petition, make_signature
from mailed import begun, consenting
from sqlalchemy import text

from petition.core.db import db
from petition.delivery import dispatch as dispatching
from petition.delivery import room
from petition.delivery.batch import as_many_as_leave
from petition.delivery.dispatch import dispatch
from petition.delivery.lanes import CONFIRMATIONS, MAILINGS


@pytest.fixture
def sizes(monkeypatch):
    """Return the list of how many rows each claim asked for."""
    asked, claim = [], dispatching.claim

    def watched(lane, worker, size=None):
        asked.append(size)
        return claim(lane, worker, size)

    monkeypatch.setattr(dispatching, "claim", watched)
    return asked


def test_as_many_are_taken_in_hand_as_leave_in_a_moment():
    def taken(sent, took):
        return as_many_as_leave(0.3, sent, took, least=40, most=200)

    assert taken(40, 4.0) == 40, "a slow server's emails are shared by all threads"
    assert taken(40, 0.1) == 120
    assert taken(40, 0.001) == 200
    assert taken(0, 0.0) == 40


def test_claims_grow_where_emails_leave_quickly(outbox, owe, sizes):
    owe(*[f"s{n}@example.org" for n in range(130)])
    assert dispatch("confirmations") == 130
    assert sizes[0] == CONFIRMATIONS.batch
    assert CONFIRMATIONS.batch < sizes[1] <= CONFIRMATIONS.largest_batch


def test_claims_stay_small_where_the_server_takes_its_time(server, owe, sizes):
    server.delay = 0.01
    owe(*[f"s{n}@example.org" for n in range(45)])
    assert dispatch("confirmations") == 45
    assert set(sizes) == {CONFIRMATIONS.batch}


HELD = text("""
    SELECT count(*) FILTER (WHERE d.begun), bool_or(d.begun) FILTER (WHERE s.email = :address)
    FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE d.kind = 'mailing' AND d.state = 'sending'
""")


HELD_BEGUN = text("SELECT count(*) FROM deliveries WHERE kind = 'mailing' AND state = 'sending' AND begun")


def test_each_email_of_a_mailing_is_begun_before_it_is_offered(server, app):
    petition = make_petition()
    for n in range(60):
        consenting(petition, f"s{n}@example.org")
    begun(petition)
    seen = []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(tuple(connection.execute(HELD, {"address": address}).one()))

    server.on_data = on_data
    assert dispatch("mailings") == 60
    assert len(server.accepted) == len(seen) == 60
    assert all(is_begun for _, is_begun in seen)
    held = [number for number, _ in seen]
    assert held[0] == MAILINGS.begin_at_once
    assert max(held) <= MAILINGS.largest_begin, "a crash leaves no more with an unknown fate"


def test_fewer_are_begun_at_once_where_the_server_takes_its_time(server, app):
    petition = make_petition()
    for n in range(9):
        consenting(petition, f"s{n}@example.org")
    begun(petition)
    server.delay, seen = 0.03, []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(connection.execute(HELD, {"address": address}).one()[0])

    server.on_data = on_data
    assert dispatch("mailings") == 9
    assert max(seen[MAILINGS.begin_at_once :]) == 1


@pytest.fixture
def fifteen(app):
    """Begin a mailing to fifteen people, none of whom is owed a confirmation any more."""
    petition = make_petition()
    for n in range(15):
        consenting(petition, f"s{n}@example.org")
    dispatch("confirmations")
    redis.Redis.from_url(app.config["REDIS_URL"]).flushdb()
    begun(petition)
    return petition


@pytest.fixture
def rests(monkeypatch):
    """Return a list that grows with each rest of a mailing: how many emails were sent by then and not recorded."""
    unrecorded = []

    def rest(_pace):
        unrecorded.append(db.session.scalar(HELD_BEGUN))
        db.session.rollback()

    monkeypatch.setattr(room.Pace, "rest", rest)
    return unrecorded


def test_a_mailing_leaves_room_while_confirmations_leave(outbox, fifteen, rests):
    make_signature(fifteen, email="marie@example.org")
    assert dispatch("confirmations") == 1
    assert dispatch("mailings") == 15
    assert rests, "between those that it begins at once"
    assert set(rests) == {0}, "what was sent is recorded by then"


def test_a_mailing_goes_on_where_no_confirmation_left_lately(outbox, fifteen, rests):
    assert dispatch("confirmations") == 0, "a sweep that finds nothing says nothing"
    assert dispatch("mailings") == 15
    assert not rests


def test_nobody_waits_for_anybody_where_redis_is_away(outbox, fifteen, rests, monkeypatch):
    def away():
        raise redis.ConnectionError("away")

    monkeypatch.setattr(room, "client", away)
    make_signature(fifteen, email="marie@example.org")
    assert (dispatch("confirmations"), dispatch("mailings")) == (1, 15)
    assert not rests


def test_only_work_is_rested_for_and_not_waiting(monkeypatch):
    rested, sleep = [], time.sleep
    monkeypatch.setattr(room.time, "sleep", rested.append)
    pace = room.Pace(MAILINGS)
    sleep(0.2)
    pace.rest()
    assert rested[0] < 0.2 * room.REST / 4
    began = time.thread_time()
    while time.thread_time() < began + 0.02:
        pass
    pace.rest()
    assert rested[1] >= 0.02 * room.REST
    assert pace.rested == sum(rested)
