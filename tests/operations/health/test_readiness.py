"""`/readyz` reports broker, workers and beat."""

from support.heartbeats import record_lasting_heartbeat


def test_readyz_reports_each_component(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert set(answer.json["parts"]) == {"database", "redis", "broker", "workers", "beat"}
    record_lasting_heartbeat("beat", "beat")
    record_lasting_heartbeat("worker", "w", ["confirmations", "notifications", "mailings", "maintenance", "webhooks"])
    assert client.get("/readyz").json["status"] == "ok"
    record_lasting_heartbeat("worker", "w", ["notifications", "mailings", "maintenance", "webhooks"])
    assert "confirmations" in client.get("/readyz").json["parts"]["workers"]


def test_unreachable_broker_degrades_readiness(client, app, monkeypatch):
    monkeypatch.setitem(app.config, "BROKER_URL", "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert "signing works" in answer.json["parts"]["broker"]
    assert "127.0.0.1" not in answer.text
