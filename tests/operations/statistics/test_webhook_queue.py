"""The queue of webhooks in the operators' view: page, commands, metrics and history agree."""

import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner
from flask import current_app
from sqlalchemy import func, select, text
from support.factories import sign_in
from support.webhook_receiver import WebhookReceiver

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints, sender
from petition.operations.cli.queue import queue
from petition.operations.metrics import render_metrics
from petition.operations.statistics import history, rollup
from petition.operations.statistics.webhook_queue import read_webhook_queue


def read():
    db.session.rollback()
    return read_webhook_queue(db.session.scalar(select(func.now())))


@pytest.fixture
def receiver(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_WEBHOOK_LOCAL", True)
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(receiver):
    endpoint = endpoints.create(receiver.url, EVENT_TYPES, None, "alix@example.org")
    db.session.commit()
    return endpoint


def enqueue(endpoint, n=1):
    for _ in range(n):
        endpoints.send_test(endpoint)
    db.session.commit()


def age(minutes):
    interval = timedelta(minutes=minutes)
    statement = "UPDATE webhook_events SET created_at = created_at - :t, next_attempt_at = next_attempt_at - :t"
    db.session.execute(text(statement), {"t": interval})
    db.session.commit()


def run(*arguments):
    provider = AppProvider(lambda: nullcontext(current_app._get_current_object()))
    return CliRunner().invoke(queue, arguments, obj=provider, catch_exceptions=False).stdout


def test_what_waits_is_counted_with_its_age_and_late_after_ten_minutes(endpoint):
    assert read().oldest is None
    enqueue(endpoint, 3)
    age(9)
    found = read()
    assert found.depth == {"due": 3, "deferred": 0, "failed": 0}
    assert 540 <= found.oldest < 600
    assert found.late == []
    age(2)
    assert [each.host for each in read().late] == ["127.0.0.1"]
    endpoints.pause(endpoint)
    db.session.commit()
    assert read().late == []
    assert read().oldest is None


def test_receiver_without_an_answer_is_late_after_three_attempts(endpoint, receiver):
    receiver.behave = "close"
    enqueue(endpoint)
    for attempt in range(3):
        assert read().late == [], attempt
        db.session.execute(text("UPDATE webhook_events SET next_attempt_at = now()"))
        db.session.execute(text("UPDATE webhook_endpoints SET backoff_until = NULL"))
        db.session.commit()
        sender.send_due()
    [late] = read().late
    assert (late.put_off, late.answer, late.silences) == (1, "broken", 3)


def test_event_sent_again_after_it_was_given_up_waits_since_then(endpoint):
    enqueue(endpoint)
    age(60)
    db.session.execute(text("UPDATE webhook_events SET next_attempt_at = now(), attempts = 0"))
    db.session.commit()
    assert read().oldest < 60


@pytest.mark.usefixtures("within_one_hour")
def test_page_command_metrics_and_history_agree(endpoint, receiver, client, app):
    enqueue(endpoint)
    sender.send_due()
    receiver.behave = 500
    enqueue(endpoint, 2)
    sender.send_due()
    give_up_last = "UPDATE webhook_events SET state = 'failed' WHERE id = (SELECT max(id) FROM webhook_events)"
    db.session.execute(text(give_up_last))
    db.session.commit()
    sign_in(client, "operator")
    page = client.get("/ops/?lang=en").text
    assert '<th scope="row">webhooks</th>' in page
    assert 'href="/ops/runbook#WebhooksGivenUp"' in page
    metrics = render_metrics().decode()
    assert 'petition_webhook_events{state="deferred"} 1.0' in metrics
    assert 'petition_webhook_events{state="failed"} 1.0' in metrics
    assert 'petition_webhook_attempts_total{outcome="sent"} 1.0' in metrics
    assert 'petition_webhook_attempts_total{outcome="deferred"} 2.0' in metrics
    report = json.loads(run("--json"))
    assert (report["webhooks"]["deferred"], report["webhooks"]["failed"]) == (1, 1)
    assert "webhooks" in run()
    rollup.roll_up()
    assert 'petition_webhook_attempts_total{outcome="deferred"} 2.0' in render_metrics().decode()
    slot = history.read_slots(history.PERIODS["week"], db.session.scalar(select(func.now())))[-1]
    assert slot.webhooks == {"sent": 1, "deferred": 2}
    assert slot.outcomes == {}, "emails are counted apart"
    assert sum(slot.sent.values()) == 0
    assert "webhooks.svg" in client.get("/ops/history/?lang=en").text
    assert client.get("/ops/history/week/webhooks.svg").status_code == 200
    header, *_others, last = client.get("/ops/history/week/slots.csv").text.splitlines()
    assert header.endswith("webhooks_sent,webhooks_deferred,webhooks_failed")
    assert last.endswith("1,2,0")


def test_without_endpoints_nothing_is_shown(client, app):
    sign_in(client, "operator")
    assert '<th scope="row">webhooks</th>' not in client.get("/ops/?lang=en").text
    assert "webhooks.svg" not in client.get("/ops/history/?lang=en").text
