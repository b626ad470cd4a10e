"""Alerts to the webhook: signed, tried again, bounded in time, never to a redirect."""

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import func, text, update

from petition.core.db import db
from petition.operations import alert_webhooks
from petition.operations.health.troubles import TroubleAlert
from petition.operations.models import AlertWebhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MESSAGES = {"en": "The broker is gone.", "fr": "…"}
BEGAN = TroubleAlert("BrokerDown", "stuck", MESSAGES, datetime(2026, 11, 27, tzinfo=UTC))


class Receiver(HTTPServer):
    """A webhook that answers with `status`, after `delay` seconds or once the test has `ended`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.status, self.delay, self.ended = [], 204, 0, threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.server.ended.wait(self.server.delay)
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(app, monkeypatch):
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        monkeypatch.setitem(app.config, "PETITION_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/in?key=1")
        monkeypatch.setitem(app.config, "PETITION_ALERT_WEBHOOK_SECRET", SECRET)
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


def send():
    alert_webhooks.send_due()
    return db.session.query(AlertWebhook).count()


def make_due():
    db.session.execute(update(AlertWebhook).values(next_attempt_at=func.now()))
    db.session.commit()


def test_alert_is_signed_as_the_standard_says(receiver):
    alert_webhooks.store([BEGAN])
    assert send() == 0
    [(path, headers, body)] = receiver.requests
    assert path == "/in?key=1"
    names = {name.lower(): value for name, value in headers.items()}
    signed = f"{names['webhook-id']}.{names['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert names["webhook-signature"] == f"v1,{expected}"
    assert abs(int(names["webhook-timestamp"]) - time.time()) < 60
    payload = json.loads(body)
    assert payload["type"] == "trouble.began"
    assert payload["data"]["runbook_url"].endswith("/ops/runbook#BrokerDown")


def test_refused_alert_is_tried_again_with_the_same_id_and_later_given_up(receiver):
    alert_webhooks.store([BEGAN])
    receiver.status = 500
    assert send() == 1
    assert send() == 1
    assert len(receiver.requests) == 1, "not before its next attempt"
    make_due()
    receiver.status = 200
    assert send() == 0
    first, second = ({k.lower(): v for k, v in headers.items()}["webhook-id"] for _, headers, _ in receiver.requests)
    assert first == second
    alert_webhooks.store([BEGAN])
    db.session.execute(update(AlertWebhook).values(created_at=func.now() - text("interval '25 hours'")))
    alert_webhooks.delete_old()
    assert db.session.query(AlertWebhook).count() == 0


def test_redirect_is_not_followed(receiver):
    alert_webhooks.store([BEGAN])
    receiver.status = 302
    assert send() == 1
    assert [path for path, _, _ in receiver.requests] == ["/in?key=1"]


def test_receiver_that_hangs_or_is_gone_costs_bounded_time(receiver, app, monkeypatch):
    monkeypatch.setattr(alert_webhooks, "TIMEOUT_SECONDS", 0.2)
    alert_webhooks.store([BEGAN])
    receiver.delay = 20
    began = time.monotonic()
    assert send() == 1
    assert time.monotonic() - began < 15, "a machine that is busy included"
    make_due()
    monkeypatch.setitem(app.config, "PETITION_ALERT_WEBHOOK", "http://127.0.0.1:1/")
    assert send() == 1


def test_without_a_webhook_nothing_is_stored(app):
    alert_webhooks.store([BEGAN])
    assert db.session.query(AlertWebhook).count() == 0
