"""What the demo found: its figures, its checks, and the table that shows them."""

import math
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from petition.demo.people import Signer
from petition.demo.steps import Count, Listed, expected


@dataclass
class Record:
    """What happened to each address during the play; times are `time.monotonic` seconds."""

    signers: list[Signer]
    signed: dict[str, float] = field(default_factory=dict)
    mailed: dict[str, float] = field(default_factory=dict)
    mails: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    confirmed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def waits(self) -> list[float]:
        """Return the seconds from each accepted signing to its mail, shortest first."""
        return sorted(seen - self.signed[email] for email, seen in self.mailed.items() if email in self.signed)

    def mails_per_second(self) -> float:
        """Return the rate from the first signing to the last mail."""
        if not self.mailed or not self.signed:
            return 0.0
        return len(self.mailed) / max(max(self.mailed.values()) - min(self.signed.values()), 0.001)


@dataclass(frozen=True)
class Reading:
    """What the site shows: the count of the API, the count on the page, the public list."""

    count: Count
    page: int | None
    names: Listed


@dataclass(frozen=True)
class Check:
    """One thing that must hold, and the figures that say whether it does."""

    text: str
    good: bool
    figures: str


def checks(record: Record, before: Reading, unmoved: Count | None, after: Reading) -> list[Check]:
    """Compare what was done with what the site shows.

    `unmoved` is the count read when links had been opened and none confirmed, `None` if that never came.
    """
    total, signed, confirmed = len(record.signers), len(record.signed), len(record.confirmed)
    once = sum(1 for email in record.signed if record.mails[email] == 1)
    return [
        Check("Every signature was accepted", signed == total, f"{signed} of {total}"),
        Check("Each address got exactly one mail", once == total == record.mails.total(), f"{once} of {total}"),
        Check("Every signature was confirmed", confirmed == total, f"{confirmed} of {total}"),
        Check(
            "Opening links counted nothing",
            unmoved == before.count and record.opened == total,
            f"{record.opened} opened",
        ),
        _count_check(record, before.count, after.count),
        Check("Page and API show one count", after.page == after.count.confirmed, f"{after.page}"),
        _list_check(record, before.names, after.names),
    ]


def _count_check(record: Record, before: Count, after: Count) -> Check:
    done = Counter(signer.party for signer in record.signers if signer.email in record.confirmed)
    rise = Count(
        after.confirmed - before.confirmed,
        after.people - before.people,
        after.organisations - before.organisations,
    )
    good = rise == Count(done.total(), done["person"], done["organisation"])
    return Check("The count rose by those confirmed", good, f"+{rise.confirmed} for {done.total()}")


def _list_check(record: Record, before: Listed, after: Listed) -> Check:
    wanted = expected([signer for signer in record.signers if signer.email in record.confirmed])
    gained, lost = after - before, before - after
    good = gained == wanted and not lost
    return Check("The list gained those who agreed", good, f"+{gained.total()} for {wanted.total()}")


def show(console: Console, record: Record, before: Reading, after: Reading, found: list[Check]) -> None:
    """Print the closing table, the checks, and the first problems met."""
    table = Table(title="The campaign, played through", title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    for name, value in _rows(record, before.count, after.count):
        table.add_row(name, value)
    console.print(table)
    for check in found:
        mark = "[green]✓[/green]" if check.good else "[red]✗[/red]"
        console.print(f"{mark} {check.text}: {check.figures}", highlight=False)
    for problem, times in Counter(record.problems).most_common(5):
        console.print(f"  {times} × {problem}", markup=False, highlight=False)


def _rows(record: Record, before: Count, after: Count) -> list[tuple[str, str]]:
    waits = record.waits()
    return [
        ("Signed", f"{len(record.signed):,}"),
        ("Mailed", f"{len(record.mailed):,}"),
        ("Confirmed", f"{len(record.confirmed):,}"),
        ("Seconds from signing to mail, p50", _seconds(waits, 0.5)),
        ("Seconds from signing to mail, p95", _seconds(waits, 0.95)),
        ("Mails per second", f"{record.mails_per_second():,.1f}"),
        ("Count: before → after", f"{before.confirmed:,} → {after.confirmed:,}"),
        ("People: before → after", f"{before.people:,} → {after.people:,}"),
        ("Organisations: before → after", f"{before.organisations:,} → {after.organisations:,}"),
    ]


def _seconds(waits: list[float], share: float) -> str:
    return f"{waits[math.ceil(share * len(waits)) - 1]:.2f}" if waits else "–"
