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
def lasting_flag(monkeypatch):
    """Have a wake-up stand for all others until it is taken: a busy machine needs more than its few seconds."""
    monkeypatch.setattr(wakeup, "WAKEUP_FLAG_TTL_SECONDS", 600)


@pytest.fixture
def wakeups(app, monkeypatch, lasting_flag):
    """Return the list of queues whose workers were woken."""
    published = []
    monkeypatch.setattr(app.extensions["celery"], "send_task", lambda name, args, **_: published.append(args[0]))
    return published


@pytest.fixture
def background_wakeups(app, monkeypatch):
    """Have signing wake workers from the background thread; return `Wakeups`, which stands for `wake`."""
    found = Wakeups()
    monkeypatch.setattr(wakeup, "wake", found)
    monkeypatch.setitem(app.extensions, "petition.wakeup_thread", wakeup.WakeupThread(app))
    return found


class Wakeups:
    """The queues whose workers were woken; each wake-up takes until `released`."""

    def __init__(self):
        self.queues, self.begun, self.released = [], threading.Event(), threading.Event()

    def __call__(self, queue):
        self.queues.append(queue)
        self.begun.set()
        self.released.wait(60)


def test_many_signatures_wake_their_queue_once(app, wakeups):
    petition = make_petition()
    wakeup.clear_wakeup_flag("confirmations")
    for n in range(10):
        make_signature(petition, email=f"s{n}@example.org")
    assert wakeups == ["confirmations"]
    wakeup.clear_wakeup_flag("confirmations")
    make_signature(petition, email="another@example.org")
    assert wakeups == ["confirmations"] * 2


def test_rollback_wakes_nobody(app, wakeups):
    enqueue("confirm_signature", CONFIRMATIONS, [OutboxEntry(petition_id=1, subject_id=1, generation=1)])
    db.session.rollback()
    assert wakeups == []
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


def test_signing_waits_for_no_wake_up_and_the_last_signature_gets_one(client, background_wakeups):
    make_petition()
    assert post(client, "first@example.org").status_code == 303
    assert background_wakeups.begun.wait(60)
    for n in range(3):  # during the wake-up for the first: the broker hangs
        assert post(client, f"s{n}@example.org").status_code == 303
    assert background_wakeups.queues == ["confirmations"]
    background_wakeups.released.set()
    wait_for(lambda: len(background_wakeups.queues) > 1, 5, "the next wake-up")
    assert background_wakeups.queues == ["confirmations"] * 2


def post(client, address):
    return client.post("/p/jardin/sign", data=make_form(email=address))


def test_bulk_actions_are_woken_by_the_same_mechanism(app, monkeypatch, lasting_flag):
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
