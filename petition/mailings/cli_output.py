"""Terminal output of the mailing commands."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petition.core.cli_support import FoldingTable
from petition.mailings.labels import reason_label
from petition.mailings.models import Mailing, MailingState
from petition.mailings.progress import Progress, count_signatures_around, get_progress, list_failure_reasons

STATE_STYLES = {"sending": "bold green", "sent": "bold green", "paused": "bold yellow", "cancelled": "bold red"}
ALWAYS_SHOWN_STATES = ("sent", "due", "failed", "unknown")


def format_time(at: datetime | None, mailing: Mailing) -> str:
    """Return a time in the mailing's time zone."""
    return f"{at.astimezone(ZoneInfo(mailing.timezone)):%Y-%m-%d %H:%M} ({mailing.timezone})" if at else "-"


def render_progress(mailing: Mailing) -> RenderableType:
    """Return a mailing's state and progress: its subjects and dates, a bar, the counts, the failure reasons."""
    parts: list[RenderableType] = [
        Text.assemble((mailing.state.upper(), STATE_STYLES.get(mailing.state, "bold")), f"  {mailing.name}")
    ]
    if mailing.reason:
        parts.append(Text(f"  {reason_label(mailing.reason, 'en')}"))
    if not mailing.started_at:
        parts.append(
            Text(f"  starts {format_time(mailing.send_at, mailing)}" if mailing.send_at else "  not scheduled")
        )
        return Group(*parts)
    parts += [Text(f"  {language}: {text.subject}") for language, text in sorted(mailing.texts.items())]
    ended = f", ended {format_time(mailing.ended_at, mailing)}" if mailing.ended_at else ""
    parts.append(Text(f"  began {format_time(mailing.started_at, mailing)}{ended}"))
    progress = get_progress(mailing)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(max(progress.total, 1), progress.settled, width=40),
        f"{progress.settled:,} of {progress.total:,}",
    )
    parts += [bar, _render_counts(progress)]
    if mailing.state == MailingState.SENDING:
        ends = f", done by {format_time(progress.ends_at, mailing)}" if progress.ends_at else ""
        parts.append(Text(f"{progress.per_minute:,.0f} per minute{ends}"))
    if signatures := count_signatures_around(mailing):
        after, before = signatures
        parts.append(Text(f"signatures: {after:,} in the week from its start, {before:,} in the week before"))
    reasons = list_failure_reasons(mailing.id)
    return Group(*parts, *([_render_failure_reasons(reasons)] if reasons else []))


def _render_counts(progress: Progress) -> FoldingTable:
    counts = {state: n for state, n in progress.states.items() if n or state in ALWAYS_SHOWN_STATES}
    counts |= {"bounced": progress.bounced, "unsub.": progress.unsubscribed}
    table = FoldingTable(*counts, right=counts, gap=2)
    table.add_row(*(f"{n:,}" for n in counts.values()))
    return table


def _render_failure_reasons(reasons: list[Any]) -> FoldingTable:
    table = FoldingTable("not sent", "n", "response", right=("n",))
    for row in reasons:
        table.add_row(f"{row.state} {row.why}", f"{row.n:,}", row.response or "-")
    return table
