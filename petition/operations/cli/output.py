"""How the queue looks on a terminal."""

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from petition.core.i18n import format_duration
from petition.operations.broker_stats import BrokerStats
from petition.operations.failures import FailureSummary as FailureGroup
from petition.operations.health import Health, HealthStatus
from petition.operations.snapshot import Snapshot

STATUS_STYLES: dict[str, str] = {
    HealthStatus.OK: "bold green",
    HealthStatus.SLOW: "bold yellow",
    HealthStatus.STUCK: "bold red",
}
RIGHT: Final = "right"
LEFT = ("queue", "held back")


def render_status(now: Snapshot, seen: BrokerStats, verdict: Health) -> RenderableType:
    """Return the whole picture: the verdict, the queues, who is at work, what fails."""
    parts: list[RenderableType] = [
        render_headline(verdict),
        *render_reasons(verdict),
        Text(),
        render_queues(now),
        Text(),
        render_processes(now, seen),
    ]
    if now.groups:
        parts += [Text(), render_failures(now.groups[:8], now.at)]
    return Group(*parts)


def render_headline(verdict: Health) -> Text:
    """Return the verdict in one line, its word before its colour."""
    waiting = "nothing waits" if verdict.oldest is None else f"oldest confirmation {format_duration(verdict.oldest)}"
    return Text.assemble((verdict.state.upper(), STATUS_STYLES[verdict.state]), f"  {waiting}")


def render_reasons(verdict: Health) -> list[Text]:
    """Return why, a line each."""
    return [
        Text.assemble("  ", (reason.state, STATUS_STYLES[reason.state]), f"  {reason.message()}")
        for reason in verdict.reasons
    ]


def render_queues(now: Snapshot) -> Table:
    """Return a line for each queue, within 80 columns."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    states = ("due", "sending", "deferred", "failed", "unknown")
    for name in ("queue", *states, "oldest", "/min", "empty in", "workers"):
        table.add_column(name, justify=RIGHT if name != "queue" else "left", no_wrap=True)
    for queue in now.queues.values():
        workers = len(now.workers_for(queue.name))
        table.add_row(
            queue.name,
            *(f"{queue.depth[state]:,}" for state in states),
            "-" if queue.oldest is None else format_duration(queue.oldest),
            f"{queue.per_minute_10:,.0f}",
            "never"
            if queue.seconds_to_empty is None
            else format_duration(queue.seconds_to_empty)
            if queue.seconds_to_empty
            else "-",
            Text(str(workers), style="" if workers else STATUS_STYLES[HealthStatus.STUCK]),
        )
    return table


def render_processes(now: Snapshot, seen: BrokerStats) -> Table:
    """Return who is at work, and who held what back: workers, beat, broker, mail server."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for queue in now.queues:
        if hold := now.pause_for(queue):
            table.add_row("paused", f"{queue}: {hold.reason} ({hold.by or 'by hand'}, since {hold.since:%H:%M} UTC)")
    for worker in now.workers:
        silent = f", silent for {format_duration(worker.seconds_since_seen)}" if worker.silent else ""
        table.add_row(
            "worker", f"{worker.name}: {', '.join(worker.queues)}; {worker.in_flight} in flight, "
            f"{worker.threads} threads{silent}"
        )  # fmt: skip
    if not now.workers:
        table.add_row("worker", "none")
    table.add_row("beat", "silent" if now.beat_silent else f"ticked {format_duration(now.seconds_since_beat or 0)} ago")
    table.add_row("broker", _format_broker(seen))
    table.add_row("mail server", _format_mail_server(now))
    return table


def _format_broker(seen: BrokerStats) -> str:
    if seen.error:
        return f"does not answer ({seen.error})"
    rings = sum((seen.depths or {}).values())
    memory = f", {seen.memory / 2**20:.1f} MB, {seen.policy}" if seen.memory is not None else ""
    handled = f", {seen.unacknowledged:,} being handled" if seen.unacknowledged is not None else ""
    return f"{rings:,} rings wait{handled}{memory}"


def _format_mail_server(now: Snapshot) -> str:
    probe, hold = now.probes.get("mail server"), now.server_backoff
    words = "not looked at yet"
    if probe:
        words = (
            f"{'answers' if probe.ok else 'does not answer'} ({probe.response}; {_format_age(probe.at, now.at)} ago)"
        )
    if hold and hold.until and hold.until > now.at:
        words += f"; left alone until {hold.until:%H:%M:%S} UTC: {hold.reason}"
    return words


def render_failures(groups: list[FailureGroup], at: datetime) -> Table:
    """Return a line for each group of failures."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("state", "queue", "cause", "domain", "emails", "first", "last", "the server's words"):
        wraps = name in ("the server's words", "cause", "domain")
        table.add_column(name, justify=RIGHT if name in ("emails", "first", "last") else "left", no_wrap=not wraps)
    for group in groups:
        times = ("-" if when is None else f"{_format_age(when, at)} ago" for when in (group.first_at, group.last_at))
        words = (group.sample or "-").removeprefix(group.cause).strip() or "-"
        table.add_row(group.state, group.queue, group.cause or "-", group.domain or "-", f"{group.n:,}", *times, words)
    return table


def _format_age(then: datetime, now: datetime) -> str:
    return format_duration(max(0.0, (now - then).total_seconds()))
