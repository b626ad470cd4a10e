"""How the queue looks on a terminal."""

from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from petition.core.i18n import seconds_in_words
from petition.operations.broker import Broker
from petition.operations.failures import Group as FailureGroup
from petition.operations.snapshot import Snapshot
from petition.operations.verdict import OK, SLOW, STUCK, Verdict

STYLES = {OK: "bold green", SLOW: "bold yellow", STUCK: "bold red"}
RIGHT: Final = "right"
LEFT = ("lane", "held back")


def picture(now: Snapshot, seen: Broker, verdict: Verdict) -> RenderableType:
    """Return the whole picture: the verdict, the lanes, who is at work, what fails."""
    parts: list[RenderableType] = [headline(verdict), *reasons(verdict), Text(), lanes(now), Text(), crew(now, seen)]
    if now.groups:
        parts += [Text(), failures(now.groups[:8], now.at)]
    return Group(*parts)


def headline(verdict: Verdict) -> Text:
    """Return the verdict in one line, its word before its colour."""
    waiting = "nothing waits" if verdict.oldest is None else f"oldest confirmation {seconds_in_words(verdict.oldest)}"
    return Text.assemble((verdict.state.upper(), STYLES[verdict.state]), f"  {waiting}")


def reasons(verdict: Verdict) -> list[Text]:
    """Return why, a line each."""
    return [
        Text.assemble("  ", (reason.state, STYLES[reason.state]), f"  {reason.words()}") for reason in verdict.reasons
    ]


def lanes(now: Snapshot) -> Table:
    """Return a line for each lane, within 80 columns."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    states = ("due", "sending", "deferred", "failed", "unknown")
    for name in ("lane", *states, "oldest", "/min", "empty in", "workers"):
        table.add_column(name, justify=RIGHT if name != "lane" else "left", no_wrap=True)
    for lane in now.lanes.values():
        workers = len(now.serving(lane.name))
        table.add_row(
            lane.name,
            *(f"{lane.depth[state]:,}" for state in states),
            "-" if lane.oldest is None else seconds_in_words(lane.oldest),
            f"{lane.per_minute_10:,.0f}",
            "never" if lane.to_empty is None else seconds_in_words(lane.to_empty) if lane.to_empty else "-",
            Text(str(workers), style="" if workers else STYLES[STUCK]),
        )
    return table


def crew(now: Snapshot, seen: Broker) -> Table:
    """Return who is at work, and who held what back: workers, beat, broker, mail server."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for lane in now.lanes:
        if hold := now.hold_on(lane):
            table.add_row("paused", f"{lane}: {hold.reason} ({hold.by or 'by hand'}, since {hold.since:%H:%M} UTC)")
    for worker in now.workers:
        silent = f", silent for {seconds_in_words(worker.seen)}" if worker.silent else ""
        table.add_row(
            "worker", f"{worker.name}: {', '.join(worker.lanes)}; {worker.in_flight} in flight, "
            f"{worker.threads} threads{silent}"
        )  # fmt: skip
    if not now.workers:
        table.add_row("worker", "none")
    table.add_row("beat", "silent" if now.beat_silent else f"ticked {seconds_in_words(now.beat_seen or 0)} ago")
    table.add_row("broker", _broker(seen))
    table.add_row("mail server", _server(now))
    return table


def _broker(seen: Broker) -> str:
    if seen.error:
        return f"does not answer ({seen.error})"
    rings = sum((seen.depths or {}).values())
    memory = f", {seen.memory / 2**20:.1f} MB, {seen.policy}" if seen.memory is not None else ""
    handled = f", {seen.unacknowledged:,} being handled" if seen.unacknowledged is not None else ""
    return f"{rings:,} rings wait{handled}{memory}"


def _server(now: Snapshot) -> str:
    probe, hold = now.probes.get("mail server"), now.server_hold
    words = "not looked at yet"
    if probe:
        words = f"{'answers' if probe.ok else 'does not answer'} ({probe.words}; {_ago(probe.at, now.at)} ago)"
    if hold and hold.until and hold.until > now.at:
        words += f"; left alone until {hold.until:%H:%M:%S} UTC: {hold.reason}"
    return words


def failures(groups: list[FailureGroup], at: datetime) -> Table:
    """Return a line for each group of failures."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("state", "lane", "cause", "domain", "emails", "first", "last", "the server's words"):
        wraps = name in ("the server's words", "cause", "domain")
        table.add_column(name, justify=RIGHT if name in ("emails", "first", "last") else "left", no_wrap=not wraps)
    for group in groups:
        times = ("-" if when is None else f"{_ago(when, at)} ago" for when in (group.first_at, group.last_at))
        words = (group.sample or "-").removeprefix(group.cause).strip() or "-"
        table.add_row(group.state, group.lane, group.cause or "-", group.domain or "-", f"{group.n:,}", *times, words)
    return table


def _ago(then: datetime, now: datetime) -> str:
    return seconds_in_words(max(0.0, (now - then).total_seconds()))
