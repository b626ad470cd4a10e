"""How many emails a worker takes in hand at once: more where they leave quickly, never more than leave in a moment."""

import pytest
from factories import make_petition
from mailed import begun, consenting
from sqlalchemy import text

from petition.core.db import db
from petition.delivery import dispatch as dispatching
from petition.delivery.dispatch import CLAIM_FOR, dispatch, next_size
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


def test_a_claim_holds_as_many_as_leave_in_a_moment():
    lane = CONFIRMATIONS
    assert next_size(lane, settled=40, took=4.0) == lane.batch, "a slow server's emails are shared by all threads"
    assert next_size(lane, settled=40, took=0.1) == round(400 * CLAIM_FOR)
    assert next_size(lane, settled=40, took=0.001) == lane.largest_batch
    assert next_size(lane, settled=0, took=0.0) == lane.batch
    assert next_size(MAILINGS, settled=40, took=0.001) == MAILINGS.batch, "confirmations wait for what it does at once"


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
    assert max(held for held, _ in seen) <= MAILINGS.begin_at_once, "a crash leaves no more with an unknown fate"
