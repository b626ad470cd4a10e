"""Mailings slow down while confirmations are sent, in proportion to the processor time that they use."""

import threading
import time

import pytest
import redis
from sqlalchemy import text
from support.factories import make_petition, make_signature
from support.mailings import make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.delivery import yielding
from petition.delivery.queues import MAILINGS
from petition.delivery.worker import run_queue

COUNT_BEGUN = text("SELECT count(*) FROM deliveries WHERE kind = 'mailing' AND state = 'sending' AND begun")


@pytest.fixture
def mailing_to_fifteen(app):
    """Start a mailing to fifteen people, when no confirmation is due or was sent lately."""
    petition = make_petition()
    for n in range(15):
        make_consenting_signature(petition, f"s{n}@example.org")
    run_queue("confirmations")
    redis.Redis.from_url(app.config["REDIS_URL"]).flushdb()
    make_started_mailing(petition)
    return petition


@pytest.fixture
def yields(monkeypatch):
    """Return a list with an item for each wait of a mailing: how many emails were sent by then and not recorded."""
    unrecorded = []

    def wait(_throttle):
        unrecorded.append(db.session.scalar(COUNT_BEGUN))
        db.session.rollback()

    monkeypatch.setattr(yielding.Throttle, "wait", wait)
    return unrecorded


def test_mailing_yields_while_confirmations_are_sent(sent_emails, mailing_to_fifteen, yields):
    make_signature(mailing_to_fifteen, email="marie@example.org")
    assert run_queue("confirmations") == 1
    assert run_queue("mailings") == 15
    assert yields, "between two batches of rows that it begins"
    assert set(yields) == {0}, "what was sent is recorded before the wait"


def test_mailing_does_not_yield_without_recent_confirmations(sent_emails, mailing_to_fifteen, yields):
    assert run_queue("confirmations") == 0, "a sweep that finds nothing announces nothing"
    assert run_queue("mailings") == 15
    assert not yields


def test_no_yielding_without_redis(sent_emails, mailing_to_fifteen, yields, monkeypatch):
    def fail():
        raise redis.ConnectionError("away")

    monkeypatch.setattr(yielding, "get_client", fail)
    make_signature(mailing_to_fifteen, email="marie@example.org")
    assert (run_queue("confirmations"), run_queue("mailings")) == (1, 15)
    assert not yields


def test_yield_time_is_proportional_to_cpu_time_only(app, monkeypatch):
    waits, sleep, here = [], time.sleep, threading.get_ident()

    def wait(seconds):
        """Note the waits of this thread; others of the process sleep as ever."""
        return waits.append(seconds) if threading.get_ident() == here else sleep(seconds)

    monkeypatch.setattr(yielding.time, "sleep", wait)
    throttle = yielding.Throttle(MAILINGS)
    sleep(0.2)
    throttle.wait()
    assert waits[0] < 0.2 * yielding.YIELD_FACTOR / 4
    started = time.thread_time()
    while time.thread_time() < started + 0.02:
        pass
    throttle.wait()
    assert waits[1] >= 0.02 * yielding.YIELD_FACTOR
    assert throttle.waited_seconds == sum(waits)
