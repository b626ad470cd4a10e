import socket
import threading
import time

import pytest
import redis as redis_library
from factories import make_form, make_petition, make_signature
from running import wait_for

from petition.core.db import db
from petition.core.redis import client as redis_client
from petition.delivery import doorbell
from petition.delivery.models import Delivery
from petition.signatures.details import clean
from petition.signatures.sign import sign


@pytest.fixture
def rings(app, monkeypatch):
    sent = []
    monkeypatch.setattr(app.extensions["celery"], "send_task", lambda name, args, **_: sent.append(args[0]))
    return sent


def test_signing_rings_its_lane_once_however_many_sign(app, rings):
    petition = make_petition()
    for n in range(10):
        make_signature(petition, email=f"s{n}@example.org")
    assert rings == ["confirmations"]
    doorbell.answer("confirmations")
    make_signature(petition, email="another@example.org")
    assert rings == ["confirmations"] * 2


def test_nothing_rings_for_what_was_rolled_back(app, rings):
    petition = make_petition()
    sign(petition, clean(petition, make_form()), "page")
    db.session.rollback()
    assert rings == []
    assert db.session.query(Delivery).count() == 0


def test_the_message_holds_a_lane_and_nothing_else(app):
    make_signature(make_petition(), email="unmistakable@example.org")
    body = b"".join(redis_client().lrange("confirmations", 0, -1))
    assert b"unmistakable" not in body
    assert redis_client().llen("confirmations") == 1


@pytest.mark.parametrize("trouble", ["refused", "black hole"])
def test_a_broker_in_trouble_costs_little_once_and_then_nothing(app, monkeypatch, trouble):
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
    doorbell.ring("confirmations")
    assert time.monotonic() - started < 5, "five seconds without an answer is what a broker alone would cost"
    assert doorbell.breaker.is_open()
    monkeypatch.delitem(app.extensions, "petition.redis")  # asked again, it would fail
    for _ in range(100):
        doorbell.ring("confirmations")
    for sock in (*fillers, hole):
        sock.close()


def test_signers_ring_from_a_thread_of_its_own_which_hears_the_last_of_them(app, client, rings):
    make_petition()
    for n in range(5):
        form = make_form(email=f"s{n}@example.org")
        assert client.post("/p/jardin/sign", data=form, headers={"X-Forwarded-For": f"203.0.{n}.1"}).status_code == 303
    wait_for(lambda: rings, 5, "the ring")
    assert set(rings) == {"confirmations"}
    doorbell.answer("confirmations")
    client.post("/p/jardin/sign", data=make_form(email="late@example.org"))
    heard = len(rings)
    wait_for(lambda: len(rings) > heard or redis_client().exists("petition:rung:confirmations"), 5, "the next ring")


def test_a_broker_that_hangs_holds_up_no_signer(app, client, monkeypatch):
    make_petition()
    held = threading.Event()
    monkeypatch.setattr(doorbell, "ring", lambda lane: held.wait(10))
    answers = [
        client.post(
            "/p/jardin/sign", data=make_form(email=f"s{n}@example.org"), headers={"X-Forwarded-For": "203.0.1.1"}
        )
        for n in range(3)
    ]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert not held.is_set()
    held.set()
