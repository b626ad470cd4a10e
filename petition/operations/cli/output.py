"""Render the mail queue for a terminal of 80 columns."""

import shlex
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from petition.core.cli_support import FoldingTable
from petition.core.i18n import format_duration
from petition.delivery.bounces.models import BounceMailboxState
from petition.delivery.models import DeliveryState
from petition.delivery.queues import EVERYTHING, WEBHOOKS
from petition.operations.failures import FailureSummary
from petition.operations.health.evaluation import Health, HealthStatus
from petition.operations.probes.smtp_probe import MAIL_SERVER
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.queue_stats import RATE_WINDOW
from petition.operations.statistics.snapshot import Snapshot

STATUS_STYLES = {
    HealthStatus.OK: "bold green",
    HealthStatus.SLOW: "bold yellow",
    HealthStatus.STUCK: "bold red",
}
STATES = ("due", "sending", "deferred", "failed", "unknown")
MAX_GROUPS = 8


def render_status(snapshot: Snapshot, broker: BrokerStats, health: Health) -> RenderableType:
    """Return health, queues, processes and failures."""
    parts: list[RenderableType] = [
        *render_health(health),
        *render_warnings(snapshot),
        Text(),
        render_queues(snapshot),
        Text(),
        render_processes(snapshot, broker),
    ]
    if snapshot.groups:
        parts += [Text(), render_failures(snapshot.groups[:MAX_GROUPS], snapshot.at)]
    return Group(*parts)


def render_health(health: Health) -> list[Text]:
    """Return the health status, in words and not only by colour, with its cause; what else is wrong; and who waits."""
    waiting = "nobody waits for a link"
    if health.oldest is not None:
        waiting = f"{health.waiting:,} wait for a link, the first for {format_duration(health.oldest)}"
    headline = (health.status.upper(), STATUS_STYLES[health.status])
    if not health.reasons:
        return [Text.assemble(headline, f"  {waiting}")]
    cause, *others = health.reasons
    return [
        Text.assemble(headline, f"  {cause.message()}"),
        *(Text.assemble("  ", (each.status, STATUS_STYLES[each.status]), f"  {each.message()}") for each in others),
        Text(f"  {waiting}"),
    ]


def render_warnings(snapshot: Snapshot) -> list[Text]:
    """Return what does not keep mail from flowing, and should be looked at."""
    return [Text(f"  look at: {warning.messages['en']} ({warning.name})") for warning in snapshot.warnings]


def render_queues(snapshot: Snapshot) -> FoldingTable:
    """Return a line for each queue, within 80 columns."""
    numbers = (*STATES, "oldest", "/min", "empty in", "workers")
    table = FoldingTable("queue", *numbers, right=numbers)
    for queue in snapshot.queues.values():
        workers = len(snapshot.workers_for(queue.name))
        table.add_row(
            queue.name,
            *(f"{queue.depth[state]:,}" for state in STATES),
            "-" if queue.oldest is None else format_duration(queue.oldest),
            f"{queue.per_minute_10:,.0f}",
            _format_time_to_empty(snapshot.seconds_to_empty(queue.name)),
            Text(str(workers), style="" if workers else STATUS_STYLES[HealthStatus.STUCK]),
        )
    if snapshot.webhooks.endpoints:
        table.add_row(WEBHOOKS, *_format_webhooks(snapshot))
    return table


def _format_webhooks(snapshot: Snapshot) -> list[str | Text]:
    webhooks, workers = snapshot.webhooks, len(snapshot.workers_for(WEBHOOKS))
    per_minute = snapshot.last_hour.count_entered(WEBHOOKS, DeliveryState.SENT, RATE_WINDOW) / 10
    return [
        *(f"{webhooks.depth[state]:,}" if state in webhooks.depth else "-" for state in STATES),
        "-" if webhooks.oldest is None else format_duration(webhooks.oldest),
        f"{per_minute:,.0f}",
        "-",
        Text(str(workers), style="" if workers else STATUS_STYLES[HealthStatus.STUCK]),
    ]


def _format_time_to_empty(seconds: float | None) -> str:
    if seconds is None:
        return "stopped"
    return format_duration(seconds) if seconds else "-"


def render_processes(snapshot: Snapshot, broker: BrokerStats) -> FoldingTable:
    """Return pauses, workers, beat, broker and mail server."""
    table = FoldingTable()
    for queue in (EVERYTHING, *snapshot.queues):
        if pause := snapshot.pauses.get(queue):
            table.add_row("paused", f"{queue}: {pause.reason} ({pause.by or '-'}, since {pause.since:%H:%M} UTC)")
    for worker in snapshot.workers:
        silent = f", silent for {format_duration(worker.seconds_since_seen)}" if worker.silent else ""
        process = f"{worker.name.split('@')[0]} {worker.host}/{worker.pid}"
        text = f"{', '.join(worker.queues)}; {worker.in_flight} in flight, {worker.threads} threads{silent}"
        table.add_row("worker", f"{process}: {text}")
    if not snapshot.workers:
        table.add_row("worker", "none")
    ticked = f"ticked {format_duration(snapshot.seconds_since_beat or 0)} ago"
    table.add_row("beat", "silent" if snapshot.beat_silent else ticked)
    table.add_row("broker", _format_broker(broker))
    table.add_row("mail server", _format_mail_server(snapshot))
    if snapshot.bounce_mailbox:
        table.add_row("bounces", _format_bounce_mailbox(snapshot.bounce_mailbox, snapshot.at))
    return table


def _format_broker(broker: BrokerStats) -> str:
    if broker.error:
        return f"does not answer ({broker.error})"
    messages = sum((broker.depths or {}).values())
    memory = f", {broker.memory / 2**20:.1f} MB, {broker.policy}" if broker.memory is not None else ""
    handled = f", {broker.unacknowledged:,} being handled" if broker.unacknowledged is not None else ""
    return f"{messages:,} messages wait{handled}{memory}"


def _format_mail_server(snapshot: Snapshot) -> str:
    probe, backoff = snapshot.probes.get(MAIL_SERVER), snapshot.server_backoff
    line = "not probed yet"
    if probe:
        answers = "answers" if probe.ok else "does not answer"
        line = f"{answers} ({probe.response}; {_format_age(probe.at, snapshot.at)} ago)"
    if backoff and backoff.until and backoff.until > snapshot.at:
        line += f"; backing off until {backoff.until:%H:%M:%S} UTC: {backoff.reason}"
    return line


def _format_bounce_mailbox(state: BounceMailboxState, at: datetime) -> str:
    line = f"read {_format_age(state.checked_at, at)} ago"
    if state.problem:
        line = f"cannot be read for {_format_age(state.since or at, at)} ({state.problem}: {state.response})"
    waiting = f"; {state.waiting:,} messages wait" if state.waiting else ""
    failed = f"; {state.failed:,} cannot be processed" if state.failed else ""
    return f"{line}{waiting}{failed}"


def render_failures(groups: list[FailureSummary], at: datetime) -> Group:
    """Return two lines for each group of failures: the options that select it, never cut, then what the server said.

    Lines, not a table: in 80 columns its cells would be cut or folded, and nobody could copy them or search for them.
    """
    width = max((len(f"{group.n:,}") for group in groups), default=0)
    return Group(*(line for group in groups for line in _render_failure(group, at, width)))


def _render_failure(group: FailureSummary, at: datetime, width: int) -> list[Text]:
    options = f"--state {group.state} --queue {group.queue}"
    options += f" --cause {shlex.quote(group.cause or '-')} --domain {shlex.quote(group.domain or '-')}"
    first, last = ("-" if then is None else f"{_format_age(then, at)} ago" for then in (group.first_at, group.last_at))
    response = (group.sample or "").removeprefix(group.cause).strip()
    indent = " " * (width + 2)
    return [
        Text.assemble((f"{group.n:>{width},}", "bold"), f"  {options}", no_wrap=True, overflow="ignore"),
        Text(
            f"{indent}first {first}, last {last}{f': {response}' if response else ''}", no_wrap=True, overflow="ignore"
        ),
    ]


def _format_age(then: datetime, now: datetime) -> str:
    return format_duration(max(0.0, (now - then).total_seconds()))
