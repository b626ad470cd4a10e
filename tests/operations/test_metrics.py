"""Metrics and their access; alert rules, dashboard and runbook agree with them."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, text, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations.models import Probe
from petition.operations.probes.results import record_probe
from petition.operations.probes.smtp_probe import MAIL_SERVER
from petition.operations.statistics import rollup
from petition.signatures.confirm import confirm_signature

DOCS = Path(__file__).parents[2] / "docs"
MONITORING = DOCS / "monitoring"


@pytest.fixture
def metrics_token(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_METRICS_TOKEN", "a token of some length")


def read(client):
    text = client.get("/metrics", headers={"Authorization": "Bearer a token of some length"}).text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_require_the_token(client, app, monkeypatch):
    assert client.get("/metrics").status_code == 403
    monkeypatch.setitem(app.config, "PETITION_METRICS_TOKEN", "secret words")
    refused = client.get("/metrics", headers={"Authorization": "Bearer other words"})
    assert refused.status_code == 401
    assert "Bearer" in refused.headers["WWW-Authenticate"].title()
    assert client.get("/metrics", headers={"Authorization": "Bearer secret words"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Basic c2VjcmV0IHdvcmRz"}).status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer secret words"})
    assert "Set-Cookie" not in answer.headers


def test_allowed_address_needs_no_token(client, app, monkeypatch):
    network = ipaddress.ip_network("198.18.0.0/15")
    monkeypatch.setitem(app.config, "PETITION_METRICS_ALLOW", [network])
    assert client.get("/metrics", headers={"X-Forwarded-For": "198.18.1.2"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


def test_metrics_equal_rows_before_and_after_rollup(client, metrics_token):
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@orange.fr") for n in range(4)]
    db.session.execute(
        update(Delivery)
        .where(Delivery.subject_id != signatures[0].id)
        .values(state="sent", settled_at=func.now(), domain="orange.fr")
    )
    db.session.execute(
        update(Delivery)
        .where(Delivery.subject_id == signatures[0].id)
        .values(state="failed", settled_at=func.now(), domain="orange.fr", cause="550 5.7.1")
    )
    confirm_signature(signatures[1])
    db.session.commit()
    for _ in range(2):
        found = read(client)
        queue = ("queue", "confirmations")
        assert found["petition_deliveries", queue, ("state", "sent")] == 3
        assert found["petition_sent_total", queue] == 3
        assert found["petition_failed_total", queue, ("reason", "5xx")] == 1
        assert found["petition_accept_seconds_count", queue] == 3
        assert found["petition_accept_seconds_bucket", ("le", "10.0"), queue] == 3
        assert found["petition_signatures", ("state", "confirmed")] == 1
        assert found["petition_signatures", ("state", "pending")] == 3
        assert found["petition_confirmations_total",] == 1
        assert found["petition_health_status",] == 2, "no worker runs in this test"
        rollup.roll_up()


def test_no_label_names_a_person_or_a_domain(client, metrics_token):
    make_signature(make_petition(), email="zoe@orange.fr")
    db.session.execute(
        update(Delivery).values(state="failed", domain="orange.fr", cause="550 5.1.1", settled_at=func.now())
    )
    db.session.commit()
    text = client.get("/metrics", headers={"Authorization": "Bearer a token of some length"}).text
    assert not re.search(r"orange|zoe|@", text)


def test_mail_server_is_neither_up_nor_down_without_a_probe(client, metrics_token):
    assert ("petition_mail_server_up",) not in read(client)
    record_probe(MAIL_SERVER, True, "250 ok", 3)
    db.session.commit()
    assert read(client)["petition_mail_server_up",] == 1
    db.session.execute(update(Probe).values(at=func.now() - text("interval '10 minutes'")))
    db.session.commit()
    assert ("petition_mail_server_up",) not in read(client)


def test_reconciliation_that_never_ran_has_an_age(client, metrics_token):
    assert read(client)["petition_reconciliation_age_seconds",] == 0
    make_petition().created_at -= timedelta(days=3)
    db.session.commit()
    assert 259_000 < read(client)["petition_reconciliation_age_seconds",] < 260_000


def test_runbook_has_a_section_for_every_alert():
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    runbook = (DOCS / "operations.md").read_text(encoding="utf-8")
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 10
    for rule in rules:
        assert rule["expr"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert f"### {rule['alert']}\n" in runbook, rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
