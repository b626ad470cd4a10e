"""The snapshot as JSON for `petition queue --json`; docs/operations.md documents its keys."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from petition.delivery.queues import CONFIRMATIONS, WEBHOOKS
from petition.operations.failures import FailureSummary
from petition.operations.health.evaluation import Health, health_to_json
from petition.operations.probes.smtp_probe import MAIL_SERVER
from petition.operations.statistics import queue_stats
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.reconcile import RECONCILIATION
from petition.operations.statistics.snapshot import Snapshot


def build_report(snapshot: Snapshot, broker: BrokerStats, health: Health) -> dict[str, Any]:
    """Return the whole snapshot as plain data: times in ISO 8601, ages and durations in seconds."""
    backoff = snapshot.server_backoff
    return to_json(
        {
            "at": snapshot.at,
            **health_to_json(health),
            "queues": {name: _queue_to_json(snapshot, name) for name in snapshot.queues},
            "latency": asdict(queue_stats.summarise_latency(snapshot.last_hour.latency_counts(CONFIRMATIONS.name))),
            "workers": [asdict(worker) for worker in snapshot.workers],
            "seconds_since_beat": snapshot.seconds_since_beat,
            "broker": asdict(broker),
            "mail_server": {
                "probe": _probe_to_json(snapshot, MAIL_SERVER),
                "backoff_until": backoff.until if backoff else None,
                "backoff_reason": backoff.reason if backoff else None,
            },
            "bounce_mailbox": _bounce_mailbox_to_json(snapshot),
            "reconciliation": _probe_to_json(snapshot, RECONCILIATION),
            "providers": [asdict(provider) for provider in snapshot.providers],
            "webhooks": _webhooks_to_json(snapshot),
            "warnings": [
                {"name": warning.name, "message": warning.messages["en"], "since": warning.since}
                for warning in snapshot.warnings
            ],
            "failures": [group_to_json(group) for group in snapshot.groups],
        }
    )


def group_to_json(group: FailureSummary) -> dict[str, Any]:
    """Return one group of failures as plain data."""
    return to_json(asdict(group))


def _queue_to_json(snapshot: Snapshot, name: str) -> dict[str, Any]:
    queue, pause = snapshot.queues[name], snapshot.pause_for(name)
    return {
        **queue.depth,
        "oldest": queue.oldest,
        "next_at": queue.next_at,
        "per_minute": queue.per_minute,
        "per_minute_10": queue.per_minute_10,
        "seconds_to_empty": snapshot.seconds_to_empty(name),
        "workers": len(snapshot.workers_for(name)),
        "paused": {"reason": pause.reason, "since": pause.since, "by": pause.by} if pause else None,
    }


def _webhooks_to_json(snapshot: Snapshot) -> dict[str, Any]:
    webhooks = snapshot.webhooks
    return {
        **webhooks.depth,
        "oldest": webhooks.oldest,
        "workers": len(snapshot.workers_for(WEBHOOKS)),
        "endpoints": [asdict(endpoint) | {"late": endpoint.late} for endpoint in webhooks.endpoints],
    }


def _bounce_mailbox_to_json(snapshot: Snapshot) -> dict[str, Any] | None:
    state = snapshot.bounce_mailbox
    if state is None:
        return None
    names = ("checked_at", "since", "problem", "response", "waiting", "failed")
    return {name: getattr(state, name) for name in names}


def _probe_to_json(snapshot: Snapshot, name: str) -> dict[str, Any] | None:
    probe = snapshot.probes.get(name)
    if probe is None:
        return None
    return {"at": probe.at, "ok": probe.ok, "response": probe.response, "milliseconds": probe.milliseconds}


def to_json(value: Any) -> Any:
    """Return plain data: times in ISO 8601, numbers rounded to milliseconds."""
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return round(value, 3) if isinstance(value, float) else value
