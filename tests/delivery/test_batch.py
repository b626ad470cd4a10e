"""How many rows a worker claims, and begins, at once: more where emails leave quickly."""

import pytest
from sqlalchemy import text
from support.factories import make_petition
from support.mailings import make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.delivery import worker
from petition.delivery.batch import scale_batch_size
from petition.delivery.queues import CONFIRMATIONS, MAILINGS
from petition.delivery.worker import run_queue


@pytest.fixture
def claim_sizes(monkeypatch):
    """Return the list of how many rows each claim asked for."""
    sizes, claim_due = [], worker.claim_due

    def record_size(queue, worker_name, size=None):
        sizes.append(size)
        return claim_due(queue, worker_name, size)

    monkeypatch.setattr(worker, "claim_due", record_size)
    return sizes


def test_batch_size_follows_the_measured_rate():
    def scale(sent, elapsed):
        return scale_batch_size(0.3, sent, elapsed, minimum=40, maximum=200)

    assert scale(40, 4.0) == 40, "the emails for a slow server are shared by all threads"
    assert scale(40, 0.1) == 120
    assert scale(40, 0.001) == 200
    assert scale(0, 0.0) == 40


def test_claims_grow_with_a_fast_server(sent_emails, enqueue_confirmations, claim_sizes, monkeypatch):
    monkeypatch.setattr(worker, "TARGET_CLAIM_SECONDS", 60.0)  # in which any machine sends more than a small claim
    enqueue_confirmations(*[f"s{n}@example.org" for n in range(130)])
    assert run_queue("confirmations") == 130
    assert claim_sizes[0] == CONFIRMATIONS.batch_size
    assert CONFIRMATIONS.batch_size < claim_sizes[1] <= CONFIRMATIONS.max_batch_size


def test_claims_stay_small_with_a_slow_server(server, enqueue_confirmations, claim_sizes):
    server.delay = 0.01
    enqueue_confirmations(*[f"s{n}@example.org" for n in range(45)])
    assert run_queue("confirmations") == 45
    assert set(claim_sizes) == {CONFIRMATIONS.batch_size}


COUNT_BEGUN = text("""
    SELECT count(*) FILTER (WHERE d.begun), bool_or(d.begun) FILTER (WHERE s.email = :address)
    FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE d.kind = 'mailing' AND d.state = 'sending'
""")


def test_mailing_row_is_marked_begun_before_the_email_is_offered(server, app):
    petition = make_petition()
    for n in range(60):
        make_consenting_signature(petition, f"s{n}@example.org")
    make_started_mailing(petition)
    seen = []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(tuple(connection.execute(COUNT_BEGUN, {"address": address}).one()))

    server.on_data = on_data
    assert run_queue("mailings") == 60
    assert len(server.accepted) == len(seen) == 60
    assert all(is_begun for _, is_begun in seen)
    begun = [number for number, _ in seen]
    assert begun[0] == MAILINGS.begin_batch_size
    assert max(begun) <= MAILINGS.max_begin_batch_size, "a crash leaves no more with an unknown fate"


def test_slow_server_reduces_rows_begun_at_once(server, app):
    petition = make_petition()
    for n in range(9):
        make_consenting_signature(petition, f"s{n}@example.org")
    make_started_mailing(petition)
    server.delay, seen = 0.03, []

    def on_data(address):
        with app.app_context(), db.engine.connect() as connection:
            seen.append(connection.execute(COUNT_BEGUN, {"address": address}).one()[0])

    server.on_data = on_data
    assert run_queue("mailings") == 9
    assert max(seen[MAILINGS.begin_batch_size :]) == 1
