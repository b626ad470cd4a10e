import logging
import time

import pytest
import redis
from support.factories import make_form, make_petition
from werkzeug.exceptions import TooManyRequests

from petition.core.db import db
from petition.core.redis import get_client as redis_client
from petition.safeguards import rate_limiter, rate_limits
from petition.signatures.models import Signature


def sign(client, number=0, network="198.51.100.7", **fields):
    form = make_form(email=f"signer{number}@example.org", **fields)
    return client.post("/p/jardin/sign", data=form, headers={"X-Forwarded-For": network})


@pytest.fixture
def limit(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_SIGN_LIMIT", ["3/minute"])


def test_network_above_its_limit_is_answered_429_with_retry_after(client, limit):
    make_petition()
    assert [sign(client, n, f"198.51.100.{n}").status_code for n in range(5)] == [303, 303, 303, 429, 429]
    limited = sign(client, 9)
    assert 0 < int(limited.headers["Retry-After"]) <= 60
    assert sign(client, 9, "203.0.113.5").status_code == 303
    assert db.session.query(Signature).count() == 4


def count_accepted(client, networks):
    answers = [sign(client, number, network).status_code for number, network in enumerate(networks)]
    assert {*answers} <= {303, 429}
    return answers.count(303)


def test_ipv6_networks_are_limited_at_56_48_and_32_bits(client, limit):
    make_petition()
    assert count_accepted(client, [f"2001:db8:1:{n:x}::7" for n in range(5)]) == 3  # of one /56
    # Of one /48, each from a /56 of its own; the three before count.
    assert count_accepted(client, [f"2001:db8:1:{n:x}00::7" for n in range(1, 30)]) == 3 * 4 - 3
    # Of one /32, each from a /48 of its own.
    assert count_accepted(client, [f"2001:db8:{n:x}::7" for n in range(2, 250)]) == 3 * 32 - 3 * 4
    assert sign(client, 1, "2001:db9::1").status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize(("prefix", "most"), [("2001:db8:1:{0:x}00::7", 256), ("2001:db8:{0:x}::7", 1920)])
def test_ipv6_networks_pass_no_more_in_any_minute_even_at_the_seam_of_two_windows(app, monkeypatch, prefix, most):
    """A burst at the end of one window, and what the next one lets through as the burst weighs less and less."""
    seam = time.time() // 3600 * 3600 + 1800  # of two windows of a minute
    limit = rate_limits.rate_limited("test", "30/minute;300/hour")(lambda: None)
    accepted = 0
    for number, second in enumerate([-0.001] * 1000 + [attempt / 17 for attempt in range(1000)]):
        monkeypatch.setattr(rate_limiter.time, "time", lambda second=second: seam + second)
        with app.test_request_context(method="POST", environ_base={"REMOTE_ADDR": prefix.format(number % 256)}):
            try:
                limit()
            except TooManyRequests:
                continue
        accepted += 1
    assert most * 0.9 < accepted <= most


def test_ipv6_networks_are_counted_in_one_round_trip(client, monkeypatch):
    make_petition()
    calls = []
    execute = rate_limiter.execute_command
    monkeypatch.setattr(rate_limiter, "execute_command", lambda *args: calls.append(args) or execute(*args))
    assert sign(client, 1, "2001:db8:1::7").status_code == 303
    assert len([call for call in calls if call[0] == "EVALSHA"]) == 1


@pytest.mark.slow
def test_links_are_limited_at_every_length_too(client, monkeypatch):
    start = time.time() // 60 * 60 + 1  # within one window: the machine may be slow
    monkeypatch.setattr(rate_limiter.time, "time", lambda: start)
    statuses = [
        client.post("/c/none", headers={"X-Forwarded-For": f"2001:db8:7:{n // 110:x}00::7"}).status_code
        for n in range(1050)
    ]
    assert statuses.count(429) == 1050 - 4 * 120


def test_pages_and_api_share_the_limit(client, limit):
    make_petition()
    for n in range(3):
        sign(client, n)
    answer = client.post(
        "/api/v1/petitions/jardin/signatures", json=make_form(), headers={"X-Forwarded-For": "198.51.100.9"}
    )
    assert answer.status_code == 429
    assert answer.content_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0


def test_only_the_trusted_number_of_proxies_counts(client, limit):
    make_petition()
    forged = [sign(client, n, f"203.0.{n}.1, 198.51.100.7").status_code for n in range(5)]
    assert forged == [303, 303, 303, 429, 429]


def test_without_redis_signing_works_and_a_warning_is_logged(client, limit, monkeypatch, caplog):
    make_petition()

    def unreachable(*args, **kwargs):
        raise redis.ConnectionError("unreachable")

    monkeypatch.setattr(rate_limits, "count_events", unreachable)
    with caplog.at_level(logging.WARNING):
        assert [sign(client, n).status_code for n in range(5)] == [303] * 5
    assert db.session.query(Signature).count() == 5
    assert any("limit" in record.getMessage().lower() for record in caplog.records)


def test_redis_stores_no_email_or_ip_address(client):
    make_petition()
    sign(client, 1, "203.0.113.77")
    store = redis_client()
    for key in store.scan_iter():
        content = repr((key, store.type(key), store.dump(key))).lower()
        assert "signer1" not in content
        assert "203.0.113" not in content


def test_honeypot_answers_as_for_an_accepted_signature(client):
    make_petition()
    accepted, caught = sign(client, 1), sign(client, 2, website="http://spam.example")
    assert (accepted.status_code, accepted.data, accepted.headers["Location"]) == (
        caught.status_code,
        caught.data,
        caught.headers["Location"],
    )
    assert db.session.query(Signature).count() == 1


def test_network_is_the_same_in_every_notation_of_proxies(app):
    def key(address):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return rate_limits.list_limited_networks()[0]

    assert len({key(a) for a in ("198.51.100.7", "198.51.100.9", "::ffff:198.51.100.7", "198.51.100.7:5678")}) == 1
    assert len({key(f"::ffff:198.51.{n}.7") for n in range(5)}) == 5
    assert key("2001:db8:1:2::1") == key("[2001:db8:1:3::9]:443") != key("2001:db8:2:2::1")
