"""The snapshot as plain data, for programs: the same figures as the page's."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from petition.delivery.queues import CONFIRMATIONS
from petition.operations import queue_stats
from petition.operations.broker_stats import BrokerStats
from petition.operations.failures import FailureSummary
from petition.operations.health import Health
from petition.operations.snapshot import Snapshot


def build_report(now: Snapshot, seen: BrokerStats, verdict: Health) -> dict[str, Any]:
    """Return everything `petition queue --json` tells: times in ISO 8601, ages in seconds."""
    return _to_json(
        {
            "at": now.at,
            "state": verdict.state,
            "oldest": verdict.oldest,
            "reasons": [{"state": reason.state, "words": reason.message()} for reason in verdict.reasons],
            "queues": {name: _queue_to_json(now, name) for name in now.queues},
            "speed": asdict(queue_stats.summarise_latency(now.last_hour.latency_counts(CONFIRMATIONS.name))),
            "workers": [asdict(worker) for worker in now.workers],
            "beat_seen": now.seconds_since_beat,
            "broker": asdict(seen),
            "mail_server": {
                "probe": _probe_to_json(now, "mail server"),
                "left_alone_until": now.server_backoff.until if now.server_backoff else None,
                "reason": now.server_backoff.reason if now.server_backoff else None,
            },
            "reconciliation": _probe_to_json(now, "reconciliation"),
            "failures": [group_to_json(group) for group in now.groups],
        }
    )


def group_to_json(group: FailureSummary) -> dict[str, Any]:
    """Return one group of failures as plain data."""
    return _to_json(asdict(group))


def _queue_to_json(now: Snapshot, name: str) -> dict[str, Any]:
    queue, hold = now.queues[name], now.pause_for(name)
    return {
        **queue.depth,
        "oldest": queue.oldest,
        "next_at": queue.next_at,
        "per_minute": queue.per_minute,
        "per_minute_10": queue.per_minute_10,
        "to_empty": queue.seconds_to_empty,
        "workers": len(now.workers_for(name)),
        "paused": {"reason": hold.reason, "since": hold.since, "by": hold.by} if hold else None,
    }


def _probe_to_json(now: Snapshot, name: str) -> dict[str, Any] | None:
    probe = now.probes.get(name)
    if probe is None:
        return None
    return {"at": probe.at, "ok": probe.ok, "words": probe.response, "milliseconds": probe.milliseconds}


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return round(value, 3) if isinstance(value, float) else value
