"""The parts of the mail queue, as /readyz tells them: words without host names."""

from flask import Flask

from petition.core.db import db
from petition.operations import broker_stats
from petition.operations.snapshot import check_heartbeats


def describe_components() -> dict[str, str]:
    """Return the state of broker, workers and beat."""
    unserved, beat_silent = check_heartbeats()
    db.session.rollback()
    error = broker_stats.read_broker_stats().error
    workers = f"none on {', '.join(unserved)}: these emails wait" if unserved else "ok"
    return {
        "broker": f"unreachable ({error}): signing works, emails follow" if error else "ok",
        "workers": workers,
        "beat": "silent: lost rings and retries wait" if beat_silent else "ok",
    }


def init_app(app: Flask) -> None:
    """Add these parts to what /readyz tells."""
    app.extensions.setdefault("petition.readiness_checks", []).append(describe_components)
