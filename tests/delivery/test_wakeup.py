import socket
import threading
import time

import pytest
import redis as redis_library
from support.factories import make_form, make_petition, make_signature
from support.waiting import wait_for

from petition.bulk_actions import runner
from petition.bulk_actions.tasks import run_bulk_actions
from petition.core.db import db
from petition.core.redis import get_client as redis_client
from petition.delivery import wakeup
from petition.delivery.models import Delivery
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import CONFIRMATIONS


@pytest.fixture
def wakeups(app, monkeypatch):
    """Return the list of queues whose workers were woken."""
    published = []
    monkeypatch.setattr(app.extensions["celery"], "send_task", lambda name, args, **_: published.append(args[0]))
    return published


@pytest.fixture
def own_wakeups(app, monkeypatch):
    """Return the same, without what the background thread was still asked for by an earlier test."""
    published, test = [], threading.get_ident()

    def publish(_name, args, **_):
        if threading.get_ident() == test:
            published.append(args[0])

    monkeypatch.setattr(app.extensions["celery"], "send_task", publish)
    return published


def test_many_signatures_wake_their_queue_once(app, own_wakeups):
    petition = make_petition()
    wakeup.clear_wakeup_flag("confirmations")
    for n in range(10):
        make_signature(petition, email=f"s{n}@example.org")
    assert own_wakeups == ["confirmations"]
    wakeup.clear_wakeup_flag("confirmations")
    make_signature(petition, email="another@example.org")
    assert own_wakeups == ["confirmations"] * 2


def test_rollback_wakes_nobody(app, own_wakeups):
    enqueue("confirm_signature", CONFIRMATIONS, [OutboxEntry(petition_id=1, subject_id=1, generation=1)])
    db.session.rollback()
    assert own_wakeups == []
    assert db.session.query(Delivery).count() == 0


def test_message_holds_only_the_queue_name(app):
    make_signature(make_petition(), email="unmistakable@example.org")
    body = b"".join(redis_client().lrange("confirmations", 0, -1))
    assert b"unmistakable" not in body
    assert redis_client().llen("confirmations") == 1


@pytest.mark.parametrize("trouble", ["refused", "black hole"])
def test_circuit_breaker_opens_on_an_unreachable_broker(app, monkeypatch, trouble):
    hole = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = hole.getsockname()[1] if trouble == "black hole" else 1
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        if trouble == "black hole":
            filler.connect_ex(("127.0.0.1", port))
    dead = redis_library.Redis(port=port, socket_timeout=0.25, socket_connect_timeout=0.25, retry=None)
    monkeypatch.setitem(app.extensions, "petition.redis", dead)
    started = time.monotonic()
    assert wakeup.wake("confirmations") is False
    assert time.monotonic() - started < 5, "kombu alone would wait five seconds for this broker"
    assert wakeup.breaker.is_open()
    monkeypatch.delitem(app.extensions, "petition.redis")  # any further attempt would fail
    for _ in range(100):
        assert wakeup.wake("confirmations") is False
    for sock in (*fillers, hole):
        sock.close()


def test_wakeup_thread_handles_the_last_signature(app, client, wakeups):
    make_petition()
    for n in range(5):
        form = make_form(email=f"s{n}@example.org")
        assert client.post("/p/jardin/sign", data=form, headers={"X-Forwarded-For": f"203.0.{n}.1"}).status_code == 303
    wait_for(lambda: wakeups, 5, "the wake-up")
    assert set(wakeups) == {"confirmations"}
    wakeup.clear_wakeup_flag("confirmations")
    client.post("/p/jardin/sign", data=make_form(email="late@example.org"))
    published = len(wakeups)
    wait_for(
        lambda: len(wakeups) > published or redis_client().exists("petition:woken:confirmations"), 5, "the next wake-up"
    )


def test_hanging_broker_does_not_block_signing(app, client, monkeypatch):
    make_petition()
    released = threading.Event()
    monkeypatch.setattr(wakeup, "wake", lambda queue: released.wait(10))
    answers = [
        client.post(
            "/p/jardin/sign", data=make_form(email=f"s{n}@example.org"), headers={"X-Forwarded-For": "203.0.1.1"}
        )
        for n in range(3)
    ]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert not released.is_set()
    released.set()


def test_bulk_actions_are_woken_by_the_same_mechanism(app, monkeypatch):
    published = []
    monkeypatch.setattr(
        app.extensions["celery"], "send_task", lambda *args, **options: published.append((args, options))
    )
    assert runner.wake_worker() is True
    assert runner.wake_worker() is True
    ((args, options),) = published
    assert args == (runner.TASK_NAME,)
    assert (options["queue"], options["args"]) == ("maintenance", [])
    run_bulk_actions()  # takes the wake-up: the next one is published
    assert runner.wake_worker() is True
    assert len(published) == 2
    wakeup.breaker.trip()
    assert runner.wake_worker() is False
