"""What a process keeps for a moment, and that no signature is taken by what it kept."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from support.factories import make_form, make_petition

from petition.core import cache, clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.petitions.models import Petition
from petition.petitions.queries import get_cached_by_ids
from petition.signatures.models import Signature


@pytest.fixture
def cache_clock(app, monkeypatch):
    """Have things kept for ten seconds, on a clock that the test sets; returns the clock."""
    monkeypatch.setitem(app.config, "PETITION_CACHE_TTL", 10.0)
    clock = {"now": 100.0}
    # Its clock alone: the pool of connections tells by the same one which have rested.
    monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    app.extensions["petition.cache"].clear()
    yield clock
    app.extensions["petition.cache"].clear()


def test_value_is_created_once_per_ttl(app, cache_clock):
    made = iter(range(9))
    assert [cache.get_or_create("thing", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    cache_clock["now"] += 9.9
    assert cache.get_or_create("thing", lambda: next(made)) == 0
    cache_clock["now"] += 0.2
    assert cache.get_or_create("thing", lambda: next(made)) == 1


def test_stale_value_is_served_while_one_thread_refreshes(app, cache_clock):
    cache.get_or_create("thing", lambda: "old")
    cache_clock["now"] += 11
    assert cache.get_or_create("thing", lambda: cache.get_or_create("thing", lambda: "twice") + ", new") == "old, new"


def test_ttl_of_zero_disables_the_cache(app):
    made = iter(range(9))
    assert [cache.get_or_create("thing", lambda: next(made)) for _ in range(2)] == [0, 1]


def test_cache_size_is_bounded(app, cache_clock):
    for number in range(3 * cache.MAX_ENTRIES):
        cache.get_or_create(number, lambda: "thing")
    assert len(app.extensions["petition.cache"]) <= cache.MAX_ENTRIES


def test_cached_page_does_not_let_a_closed_petition_be_signed(client, cache_clock):
    make_petition(slug="jardin")
    assert client.get("/p/jardin").status_code == 200
    lifecycle.close(db.session.query(Petition).one())
    db.session.commit()
    assert "<form" in client.get("/p/jardin").text, "the page is the one that was kept"
    answer = client.post("/p/jardin/sign", data=make_form())
    assert answer.status_code != 303
    assert db.session.query(Signature).count() == 0
    cache_clock["now"] += 11
    assert 'name="email"' not in client.get("/p/jardin").text


def test_reopened_petition_sends_confirmations_despite_the_cache(client, sent_emails, cache_clock):
    petition = make_petition(slug="jardin", state="closed", closed_at=clock.now() - timedelta(days=3))
    assert not get_cached_by_ids([petition.id])[petition.id].people_can_confirm
    lifecycle.open_(petition)
    db.session.commit()
    assert client.post("/p/jardin/sign", data=make_form()).status_code == 303
    assert run_queue("confirmations") == 1
    assert len(sent_emails) == 1, "what the petition was is no reason to leave it unsent"
