"""The worker never waits for a mail server so long that another worker may claim the email meanwhile."""

import time

import pytest
from support.factories import make_petition
from support.mailings import make_consenting_signature, make_started_mailing
from support.misbehaving_smtp import CLOSE, SLOW, MisbehavingSmtpServer
from support.ports import free_port

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.smtp.connection import deliver
from petition.delivery.worker import run_queue


@pytest.fixture
def slow_server(app, monkeypatch):
    """Return a slow mail server, with a timeout of one second and a lease of four."""
    server = MisbehavingSmtpServer().start(free_port())
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", server.port)
    monkeypatch.setitem(app.config, "MAIL_TIMEOUT", 1)
    monkeypatch.setitem(app.config, "PETITION_CLAIM_TIMEOUT", 4)
    yield server
    server.stop()


def test_trickling_reply_times_out(slow_server, enqueue_confirmations, rows):
    slow_server.behaviours["RCPT"], slow_server.byte_delay = SLOW, 0.8
    enqueue_confirmations("zoe@example.org")
    started = time.monotonic()
    run_queue("confirmations")
    assert time.monotonic() - started < len("250 OK\r\n") * slow_server.byte_delay, "each byte alone arrived in time"
    assert (rows()[0].state, slow_server.accepted) == ("deferred", [])


@pytest.mark.slow
def test_email_is_not_sent_near_the_end_of_its_lease(slow_server, enqueue_confirmations, rows):
    slow_server.reply_delay = 0.8  # before each reply: at DATA, less than two timeouts are left
    enqueue_confirmations("zoe@example.org")
    run_queue("confirmations")
    (row,) = rows()
    assert (row.state, row.attempt, slow_server.accepted) == ("deferred", 0, [])
    assert "longer than the lease" in row.reason


def test_slow_server_gets_the_email_once(slow_server, app, enqueue_confirmations, rows, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_CLAIM_TIMEOUT", 60)
    slow_server.delay = 1.5  # more than one timeout, and far from the lease
    enqueue_confirmations("zoe@example.org")
    run_queue("confirmations")
    assert rows()[0].state == "sent"
    assert slow_server.addresses == ["zoe@example.org"]


@pytest.mark.parametrize(("stage", "state"), [("MAIL", "deferred"), ("DATA", "deferred"), ("end of data", "unknown")])
def test_mailing_is_unknown_only_after_end_of_data(slow_server, app, stage, state):
    petition = make_petition()
    make_consenting_signature(petition)
    make_started_mailing(petition)
    slow_server.behaviours[stage] = CLOSE
    run_queue("mailings")
    assert db.session.query(Delivery).filter_by(kind="mailing").one().state == state


def test_email_begun_late_in_its_lease_is_no_trouble_of_the_server(slow_server, app, monkeypatch):
    monkeypatch.setitem(app.config, "MAIL_TIMEOUT", 10)
    message = OutgoingMessage("zoe@example.org", "Alix", "en", subject="Hello", body="Hello", html="<p>Hello</p>")
    deadline = time.monotonic() + 1.5 * app.config["MAIL_TIMEOUT"]
    outcome = deliver(message, "petition@example.org", lease_deadline=deadline, send_again=True)
    assert (outcome.state, outcome.cause) == ("deferred", "LeaseExpired")
    assert outcome.retry_at_once
    assert outcome.attempt_refunded
    assert not outcome.server_trouble
    assert slow_server.addresses == []
