"""Tables of the dashboard as rows of text, for files that spreadsheets read. Times are UTC, durations seconds."""

from collections.abc import Callable, Sequence
from datetime import datetime

from petition.delivery.queues import EMAIL_QUEUES
from petition.operations import failures
from petition.operations.statistics import history, queue_stats
from petition.operations.statistics.snapshot import get_last_day

Rows = list[list[str]]
MAX_FAILURE_GROUPS = 10_000
WEBHOOK_OUTCOMES = ("sent", "deferred", "failed")
HISTORY_OUTCOMES = ("deferred", "failed", "unknown", history.BUDGET, history.LINKED, history.CONFIRMED)


def make_hours(now: datetime) -> Rows:
    """Return the emails sent in each hour of the last day by queue, and the latency of confirmations."""
    rows: Rows = [["hour", *EMAIL_QUEUES, "p50", "p95", "p99", "within_10s"]]
    for hour in get_last_day(now).hours:
        latency = queue_stats.summarise_latency(hour.latency_counts)
        values = (latency.p50, latency.p95, latency.p99, latency.within_10s)
        rows.append([_format_time(hour.at), *(str(hour.sent[queue]) for queue in EMAIL_QUEUES), *map(_format, values)])
    return rows


def make_domains(now: datetime) -> Rows:
    """Return what became of the confirmation emails of the last day by recipient domain."""
    rows: Rows = [
        ["domain", "sent", "confirmed", "confirmation_rate", "p95", "median_to_confirm", "deferred", "failed"]
    ]
    for domain in get_last_day(now).domains:
        rows.append(
            [
                domain.name, str(domain.mailed), str(domain.confirmed), _format(domain.confirmation_rate),
                _format(domain.p95), _format(domain.median), str(domain.deferred), str(domain.failed),
            ]
        )  # fmt: skip
    return rows


def make_failures(_now: datetime) -> Rows:
    """Return the groups of deferred, failed and unknown emails, largest first."""
    rows: Rows = [["emails", "state", "queue", "cause", "domain", "first", "last", "response"]]
    for group in failures.list_groups(MAX_FAILURE_GROUPS):
        times = (_format_time(at) for at in (group.first_at, group.last_at))
        rows.append([str(group.n), group.state, group.queue, group.cause, group.domain, *times, group.sample or ""])
    return rows


def make_history(slots: Sequence[history.Slot]) -> Rows:
    """Return volume and waits by slot of time, oldest first."""
    webhooks = [f"webhooks_{state}" for state in WEBHOOK_OUTCOMES]
    rows: Rows = [["from", *EMAIL_QUEUES, *HISTORY_OUTCOMES, "p50", "p95", *webhooks]]
    for slot in slots:
        numbers = [*slot.sent.values(), *map(slot.count, HISTORY_OUTCOMES)]
        waits = [_format(slot.percentile(0.5)), _format(slot.percentile(0.95))]
        events = [str(slot.webhooks.get(state, 0)) for state in WEBHOOK_OUTCOMES]
        rows.append([_format_time(slot.at), *map(str, numbers), *waits, *events])
    return rows


def make_providers(providers: Sequence[history.ProviderHistory]) -> Rows:
    """Return what became of the emails to each provider, largest first."""
    rows: Rows = [["provider", "sent", *HISTORY_OUTCOMES, "confirmation_rate", "p50", "p95"]]
    for provider in providers:
        numbers = map(provider.count, ("sent", *HISTORY_OUTCOMES))
        values = (provider.confirmation_rate, provider.percentile(0.5), provider.percentile(0.95))
        rows.append([provider.name, *map(str, numbers), *map(_format, values)])
    return rows


TABLES: dict[str, Callable[[datetime], Rows]] = {
    "hours": make_hours, "domains": make_domains, "failures": make_failures,
}  # fmt: skip


def _format(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _format_time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
