"""How many emails a worker takes in hand at once: more where they leave quickly, never more than leave in a moment."""

import time

import pytest
import redis
from sqlalchemy import text
from support.factories import make_petition, make_signature
from support.mailings import make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.delivery import worker as dispatching
from petition.delivery import yielding
from petition.delivery.batch import scale_batch_size
from petition.delivery.queues import CONFIRMATIONS, MAILINGS
from petition.delivery.worker import run_queue


@pytest.fixture
def claim_sizes(monkeypatch):
    """Return the list of how many rows each claim asked for."""
    asked, claim = [], dispatching.claim_due

    def watched(queue, worker, size=None):
        asked.append(size)
        return claim(queue, worker, size)

    monkeypatch.setattr(dispatching, "claim_due", watched)
    return asked


def test_batch_size_follows_the_measured_rate():
    def taken(sent, took):
        return scale_batch_size(0.3, sent, took, minimum=40, maximum=200)

    assert taken(40, 4.0) == 40, "a slow server's emails are shared by all threads"
    assert taken(40, 0.1) == 120
    assert taken(40, 0.001) == 200
    assert taken(0, 0.0) == 40


def test_claims_grow_with_a_fast_server(sent_emails, enqueue_confirmations, claim_sizes):
    enqueue_confirmations(*[f"s{n}@example.org" for n in range(130)])
    assert run_queue("confirmations") == 130
    assert claim_sizes[0] == CONFIRMATIONS.batch_size
    assert CONFIRMATIONS.batch_size < claim_sizes[1] <= CONFIRMATIONS.max_batch_size


def test_claims_stay_small_with_a_slow_server(server, enqueue_confirmations, claim_sizes):
    server.delay = 0.01
    enqueue_confirmations(*[f"s{n}@example.org" for n in range(45)])
    assert run_queue("confirmations") == 45
    assert set(claim_sizes) == {CONFIRMATIONS.batch_size}


CLAIMED_COUNT = text("""
    SELECT count(*) FILTER (WHERE d.begun), bool_or(d.begun) FILTER (WHERE s.email = :address)
    FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE d.kind = 'mailing' AND d.state = 'sending'
""")


BEGUN_COUNT = text("SELECT count(*) FROM deliveries WHERE kind = 'mailing' AND state = 'sending' AND begun")


def test_mailing_row_is_marked_begun_before_the_email_is_offered(server, app):
    petition = make_petition()
    for n in range(60):
        make_consenting_signature(petition, f"s{n}@example.org")
    make_started_mailing(petition)
    seen = []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(tuple(connection.execute(CLAIMED_COUNT, {"address": address}).one()))

    server.on_data = on_data
    assert run_queue("mailings") == 60
    assert len(server.accepted) == len(seen) == 60
    assert all(is_begun for _, is_begun in seen)
    held = [number for number, _ in seen]
    assert held[0] == MAILINGS.begin_batch_size
    assert max(held) <= MAILINGS.max_begin_batch_size, "a crash leaves no more with an unknown fate"


def test_slow_server_reduces_rows_begun_at_once(server, app):
    petition = make_petition()
    for n in range(9):
        make_consenting_signature(petition, f"s{n}@example.org")
    make_started_mailing(petition)
    server.delay, seen = 0.03, []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(connection.execute(CLAIMED_COUNT, {"address": address}).one()[0])

    server.on_data = on_data
    assert run_queue("mailings") == 9
    assert max(seen[MAILINGS.begin_batch_size :]) == 1


@pytest.fixture
def mailing_to_fifteen(app):
    """Begin a mailing to fifteen people, none of whom is owed a confirmation any more."""
    petition = make_petition()
    for n in range(15):
        make_consenting_signature(petition, f"s{n}@example.org")
    run_queue("confirmations")
    redis.Redis.from_url(app.config["REDIS_URL"]).flushdb()
    make_started_mailing(petition)
    return petition


@pytest.fixture
def yields(monkeypatch):
    """Return a list that grows with each rest of a mailing: how many emails were sent by then and not recorded."""
    unrecorded = []

    def rest(_pace):
        unrecorded.append(db.session.scalar(BEGUN_COUNT))
        db.session.rollback()

    monkeypatch.setattr(yielding.Throttle, "wait", rest)
    return unrecorded


def test_mailing_yields_while_confirmations_are_sent(sent_emails, mailing_to_fifteen, yields):
    make_signature(mailing_to_fifteen, email="marie@example.org")
    assert run_queue("confirmations") == 1
    assert run_queue("mailings") == 15
    assert yields, "between those that it begins at once"
    assert set(yields) == {0}, "what was sent is recorded by then"


def test_mailing_does_not_yield_without_recent_confirmations(sent_emails, mailing_to_fifteen, yields):
    assert run_queue("confirmations") == 0, "a sweep that finds nothing says nothing"
    assert run_queue("mailings") == 15
    assert not yields


def test_no_yielding_without_redis(sent_emails, mailing_to_fifteen, yields, monkeypatch):
    def away():
        raise redis.ConnectionError("away")

    monkeypatch.setattr(yielding, "get_client", away)
    make_signature(mailing_to_fifteen, email="marie@example.org")
    assert (run_queue("confirmations"), run_queue("mailings")) == (1, 15)
    assert not yields


def test_yield_time_is_proportional_to_cpu_time_only(monkeypatch):
    rested, sleep = [], time.sleep
    monkeypatch.setattr(yielding.time, "sleep", rested.append)
    pace = yielding.Throttle(MAILINGS)
    sleep(0.2)
    pace.wait()
    assert rested[0] < 0.2 * yielding.YIELD_FACTOR / 4
    began = time.thread_time()
    while time.thread_time() < began + 0.02:
        pass
    pace.wait()
    assert rested[1] >= 0.02 * yielding.YIELD_FACTOR
    assert pace.waited_seconds == sum(rested)
