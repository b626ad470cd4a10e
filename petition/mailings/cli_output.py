"""How a mailing looks on a terminal."""

from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from petition.mailings.labels import reason_label
from petition.mailings.models import Mailing
from petition.mailings.progress import get_progress, list_failure_reasons

STATE_STYLES = {"sending": "bold green", "sent": "bold green", "paused": "bold yellow", "cancelled": "bold red"}


def render_progress(mailing: Mailing) -> RenderableType:
    """Return how far a mailing is: a bar, the figures, what did not get through."""
    now = get_progress(mailing)
    parts: list[RenderableType] = [
        Text.assemble((mailing.state.upper(), STATE_STYLES.get(mailing.state, "bold")), f"  {mailing.name}")
    ]
    if mailing.reason:
        parts.append(Text(f"  {reason_label(mailing.reason, 'en')}"))
    if not mailing.started_at:
        when = mailing.send_at.astimezone(ZoneInfo(mailing.timezone)) if mailing.send_at else None
        parts.append(Text(f"  begins {when:%Y-%m-%d %H:%M} ({mailing.timezone})" if when else "  not scheduled"))
        return Group(*parts)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(max(now.total, 1), now.settled, width=40), f"{now.settled:,} of {now.total:,}")
    figures = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    shown = {**{s: n for s, n in now.states.items() if n or s in ("sent", "due", "failed", "unknown")}}
    shown |= {"bounced": now.bounced, "unsub.": now.unsubscribed}
    for name in shown:
        figures.add_column(name, justify="right", no_wrap=True)
    figures.add_row(*(f"{n:,}" for n in shown.values()))
    parts += [bar, figures]
    if mailing.state == "sending":
        ends = f", done by {now.ends_at.astimezone(ZoneInfo(mailing.timezone)):%Y-%m-%d %H:%M}" if now.ends_at else ""
        parts.append(Text(f"{now.per_minute:,.0f} per minute{ends}"))
    why = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("what did not get through", "n", "words"):
        why.add_column(heading, justify="right" if heading == "n" else "left", no_wrap=heading != "words")
    found = list_failure_reasons(mailing.id)
    for row in found:
        why.add_row(escape(f"{row.state} {row.why}"[:40]), f"{row.n:,}", escape(row.response or "-"))
    return Group(*parts, *([why] if found else []))
