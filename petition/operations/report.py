"""The snapshot as plain data, for programs: the same figures as the page's."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from petition.delivery.lanes import CONFIRMATIONS
from petition.operations import flow
from petition.operations.broker import Broker
from petition.operations.failures import Group
from petition.operations.snapshot import Snapshot
from petition.operations.verdict import Verdict


def report(now: Snapshot, seen: Broker, verdict: Verdict) -> dict[str, Any]:
    """Return everything `petition queue --json` tells: times in ISO 8601, ages in seconds."""
    return _plain(
        {
            "at": now.at,
            "state": verdict.state,
            "oldest": verdict.oldest,
            "reasons": [{"state": reason.state, "words": reason.words()} for reason in verdict.reasons],
            "lanes": {name: _lane(now, name) for name in now.lanes},
            "speed": asdict(flow.speed(now.hour.waits(CONFIRMATIONS.name))),
            "workers": [asdict(worker) for worker in now.workers],
            "beat_seen": now.beat_seen,
            "broker": asdict(seen),
            "mail_server": {
                "probe": _probe(now, "mail server"),
                "left_alone_until": now.server_hold.until if now.server_hold else None,
                "reason": now.server_hold.reason if now.server_hold else None,
            },
            "reconciliation": _probe(now, "reconciliation"),
            "failures": [plain_group(group) for group in now.groups],
        }
    )


def plain_group(group: Group) -> dict[str, Any]:
    """Return one group of failures as plain data."""
    return _plain(asdict(group))


def _lane(now: Snapshot, name: str) -> dict[str, Any]:
    lane, hold = now.lanes[name], now.hold_on(name)
    return {
        **lane.depth,
        "oldest": lane.oldest,
        "next_at": lane.next_at,
        "per_minute": lane.per_minute,
        "per_minute_10": lane.per_minute_10,
        "to_empty": lane.to_empty,
        "workers": len(now.serving(name)),
        "paused": {"reason": hold.reason, "since": hold.since, "by": hold.by} if hold else None,
    }


def _probe(now: Snapshot, name: str) -> dict[str, Any] | None:
    probe = now.probes.get(name)
    if probe is None:
        return None
    return {"at": probe.at, "ok": probe.ok, "words": probe.words, "milliseconds": probe.milliseconds}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return round(value, 3) if isinstance(value, float) else value
