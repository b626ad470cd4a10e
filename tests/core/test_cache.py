"""The per-process cache, and that accepting a signature never depends on a cached value."""

from concurrent.futures import ThreadPoolExecutor
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
    """Cache for ten seconds, by a clock that the test sets; returns the clock."""
    monkeypatch.setitem(app.config, "PETITION_CACHE_TTL", 10.0)
    clock = {"now": 100.0}
    # Replaced in this module only: the connection pool uses the real clock to ping idle connections.
    monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    app.extensions["petition.cache"].clear()
    yield clock
    app.extensions["petition.cache"].clear()


def test_value_is_created_once_per_ttl(app, cache_clock):
    made = iter(range(9))
    assert [cache.get_or_create("key", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    cache_clock["now"] += 9.9
    assert cache.get_or_create("key", lambda: next(made)) == 0
    cache_clock["now"] += 0.2
    assert cache.get_or_create("key", lambda: next(made)) == 1


def test_stale_value_is_served_while_one_thread_refreshes(app, cache_clock):
    cache.get_or_create("key", lambda: "old")
    cache_clock["now"] += 11
    assert cache.get_or_create("key", lambda: cache.get_or_create("key", lambda: "twice") + ", new") == "old, new"


def test_ttl_of_zero_disables_the_cache(app):
    made = iter(range(9))
    assert [cache.get_or_create("key", lambda: next(made)) for _ in range(2)] == [0, 1]


def test_full_cache_evicts_only_the_least_recently_used_entry(app, cache_clock):
    for number in range(cache.MAX_ENTRIES):
        cache.get_or_create(number, lambda: "first")
    cache.get_or_create(0, lambda: "used again")
    cache.get_or_create("one more", lambda: "first")
    assert len(app.extensions["petition.cache"]) == cache.MAX_ENTRIES
    assert cache.get_or_create(0, lambda: "created again") == "first"
    assert cache.get_or_create(2, lambda: "created again") == "first"
    assert cache.get_or_create(1, lambda: "created again") == "created again"


def test_cache_is_thread_safe(app, cache_clock):
    def use(first):
        with app.app_context():
            for number in range(first, first + 2 * cache.MAX_ENTRIES):
                assert cache.get_or_create(number, lambda number=number: number) == number

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(0, 4000, 500)))
    assert len(app.extensions["petition.cache"]) == cache.MAX_ENTRIES


def test_cached_page_does_not_let_a_closed_petition_be_signed(client, cache_clock):
    make_petition(slug="jardin")
    assert client.get("/p/jardin").status_code == 200
    lifecycle.close(db.session.query(Petition).one())
    db.session.commit()
    assert "<form" in client.get("/p/jardin").text, "the cached page is served"
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
    assert len(sent_emails) == 1, "a cached state must not suppress the email"
