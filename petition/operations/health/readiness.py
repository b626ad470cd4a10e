"""Add broker, workers and beat to `/readyz`, without host names."""

from flask import Flask, current_app

from petition.core.db import db
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import check_heartbeats


def describe_components() -> dict[str, str]:
    """Return "ok" or what is wrong, for broker, workers and beat."""
    unserved_queues, beat_silent = check_heartbeats()
    db.session.rollback()
    error = broker_stats.read_broker_stats(current_app.config["BROKER_URL"]).error
    return {
        "broker": f"unreachable ({error}): signing works, emails wait" if error else "ok",
        "workers": f"none on {', '.join(unserved_queues)}: these emails wait" if unserved_queues else "ok",
        "beat": "silent: retries and lost wake-ups wait" if beat_silent else "ok",
    }


def init_app(app: Flask) -> None:
    """Register the components with `/readyz`."""
    app.extensions.setdefault("petition.readiness_checks", []).append(describe_components)
