"""`/readyz` reports broker, workers and beat."""

from sqlalchemy import func

from petition.core.db import db
from petition.operations.models import Heartbeat


def store_heartbeat(part, **values):
    row = {"name": part, "part": part, "host": "h", "pid": 1, "queues": [], "version": "1", "threads": 1, **values}
    db.session.merge(Heartbeat(**row, seen_at=func.now()))
    db.session.commit()


def test_readyz_reports_each_component(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert set(answer.json["parts"]) == {"database", "redis", "broker", "workers", "beat"}
    store_heartbeat("beat")
    store_heartbeat("worker", queues=["confirmations", "notifications", "mailings", "maintenance", "webhooks"])
    assert client.get("/readyz").json["status"] == "ok"
    store_heartbeat("worker", queues=["notifications", "mailings", "maintenance", "webhooks"])
    assert "confirmations" in client.get("/readyz").json["parts"]["workers"]


def test_unreachable_broker_degrades_readiness(client, app, monkeypatch):
    monkeypatch.setitem(app.config, "BROKER_URL", "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert "signing works" in answer.json["parts"]["broker"]
    assert "127.0.0.1" not in answer.text
