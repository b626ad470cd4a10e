"""How long a mail server is waited for: never so long that somebody else may send the email meanwhile."""

import time

import pytest
from factories import make_petition
from mailed import begun, consenting
from ports import free_port
from wayward import CLOSE, SLOW, Wayward

from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.delivery.models import Delivery


@pytest.fixture
def slow_server(app, monkeypatch):
    """Return a mail server that is told where to be slow, waited for a second, by a worker with a lease of four."""
    server = Wayward().start(free_port())
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", server.port)
    monkeypatch.setitem(app.config, "MAIL_TIMEOUT", 1)
    monkeypatch.setitem(app.config, "PETITION_LEASE", 4)
    yield server
    server.stop()


def test_a_reply_that_trickles_in_is_not_waited_for(slow_server, owe, rows):
    slow_server.moods["RCPT"] = SLOW
    owe("zoe@example.org")
    began = time.monotonic()
    dispatch("confirmations")
    assert time.monotonic() - began < len("250 OK\r\n") * slow_server.byte, "each octet alone came soon enough"
    assert (rows()[0].state, slow_server.accepted) == ("deferred", [])


def test_an_email_is_not_offered_once_its_lease_may_end(slow_server, owe, rows):
    slow_server.pause = 0.8  # before each answer: when DATA's turn comes, less than two timeouts are left
    owe("zoe@example.org")
    dispatch("confirmations")
    (row,) = rows()
    assert (row.state, row.attempt, slow_server.accepted) == ("deferred", 0, [])
    assert "longer than the lease" in row.reason


def test_a_server_that_takes_its_time_over_an_email_gets_it_once(slow_server, owe, rows):
    slow_server.delay = 2.5
    owe("zoe@example.org")
    dispatch("confirmations")
    assert rows()[0].state == "sent"
    assert slow_server.addresses == ["zoe@example.org"]


@pytest.mark.parametrize(("stage", "state"), [("MAIL", "deferred"), ("DATA", "deferred"), ("end of data", "unknown")])
def test_only_a_mailing_that_the_server_may_have_taken_is_unknown(slow_server, app, stage, state):
    petition = make_petition()
    consenting(petition)
    begun(petition)
    slow_server.moods[stage] = CLOSE
    dispatch("mailings")
    assert db.session.query(Delivery).filter_by(kind="mailing").one().state == state
