"""The results of a demo run: its measurements, its checks, and the table that shows them."""

import math
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from petition.demo.fake_people import Signer
from petition.demo.visitor import Count, SignatoryCounter, expected_signatories


@dataclass
class RunRecord:
    """What happened to each address during the run; times are `time.monotonic` seconds.

    `answered` and `received` are `time.time` seconds: when the site answered, and when the mail server took the email.
    """

    signers: list[Signer]
    signed: dict[str, float] = field(default_factory=dict)
    mailed: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    received: dict[str, float] = field(default_factory=dict)
    mail_counts: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    confirmed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def mail_latencies(self) -> list[float]:
        """Return the seconds from pressing the button to the email in the mailbox, shortest first: what people feel."""
        return sorted(seen - self.signed[email] for email, seen in self.mailed.items() if email in self.signed)

    def delivery_latencies(self) -> list[float]:
        """Return the seconds from the site's answer to the mail server, shortest first: what `/ops/` measures."""
        return sorted(
            max(at - self.answered[email], 0.0) for email, at in self.received.items() if email in self.answered
        )

    def mails_per_second(self) -> float:
        """Return the rate from the first signature to the last email."""
        if not self.mailed or not self.signed:
            return 0.0
        return len(self.mailed) / max(max(self.mailed.values()) - min(self.signed.values()), 0.001)


@dataclass(frozen=True)
class SiteSnapshot:
    """The count of the API, the count on the page, and the public list, at one moment."""

    count: Count
    page: int | None
    names: SignatoryCounter


@dataclass(frozen=True)
class Check:
    """A condition that was checked, with the numbers that it was checked on."""

    text: str
    passed: bool
    detail: str


def run_checks(
    record: RunRecord, before: SiteSnapshot, count_after_opening: Count | None, after: SiteSnapshot
) -> list[Check]:
    """Compare what was done with what the site shows.

    `count_after_opening` was read when links had been opened and none confirmed; `None` if that never happened.
    """
    total, signed, confirmed = len(record.signers), len(record.signed), len(record.confirmed)
    once = sum(1 for email in record.signed if record.mail_counts[email] == 1)
    return [
        Check("Every signature was accepted", signed == total, f"{signed} of {total}"),
        Check("Each address got exactly one email", once == total == record.mail_counts.total(), f"{once} of {total}"),
        Check("Every signature was confirmed", confirmed == total, f"{confirmed} of {total}"),
        Check(
            "Opening links counted nothing",
            count_after_opening == before.count and record.opened == total,
            f"{record.opened} opened",
        ),
        _check_count(record, before.count, after.count),
        Check("Page and API show one count", after.page == after.count.confirmed, f"{after.page}"),
        _check_list(record, before.names, after.names),
    ]


def _check_count(record: RunRecord, before: Count, after: Count) -> Check:
    confirmed = Counter(signer.party for signer in record.signers if signer.email in record.confirmed)
    rise = Count(
        after.confirmed - before.confirmed,
        after.people - before.people,
        after.organisations - before.organisations,
    )
    passed = rise == Count(confirmed.total(), confirmed["person"], confirmed["organisation"])
    return Check("The count rose by those confirmed", passed, f"+{rise.confirmed} for {confirmed.total()}")


def _check_list(record: RunRecord, before: SignatoryCounter, after: SignatoryCounter) -> Check:
    expected = expected_signatories([signer for signer in record.signers if signer.email in record.confirmed])
    gained, lost = after - before, before - after
    passed = gained == expected and not lost
    return Check("The list gained those who agreed", passed, f"+{gained.total()} for {expected.total()}")


def print_report(
    console: Console, record: RunRecord, before: SiteSnapshot, after: SiteSnapshot, checks: list[Check]
) -> None:
    """Print the table, the checks, and the most frequent problems."""
    table = Table(title="The campaign", title_justify="left")
    table.add_column("Measure")
    table.add_column("Value", justify="right")
    for name, value in _rows(record, before.count, after.count):
        table.add_row(name, value)
    console.print(table)
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        console.print(f"{mark} {check.text}: {check.detail}", highlight=False)
    for problem, times in Counter(record.problems).most_common(5):
        console.print(f"  {times} × {problem}", markup=False, highlight=False)


def _rows(record: RunRecord, before: Count, after: Count) -> list[tuple[str, str]]:
    waits, deliveries = record.mail_latencies(), record.delivery_latencies()
    return [
        ("Signed", f"{len(record.signed):,}"),
        ("Emailed", f"{len(record.mailed):,}"),
        ("Confirmed", f"{len(record.confirmed):,}"),
        ("Seconds from pressing the button to the email, p50", _format_percentile(waits, 0.5)),
        ("Seconds from pressing the button to the email, p95", _format_percentile(waits, 0.95)),
        ("Seconds from signing to the mail server, p50, as on /ops/", _format_percentile(deliveries, 0.5)),
        ("Seconds from signing to the mail server, p95, as on /ops/", _format_percentile(deliveries, 0.95)),
        ("Emails per second", f"{record.mails_per_second():,.1f}"),
        ("Count: before → after", f"{before.confirmed:,} → {after.confirmed:,}"),
        ("People: before → after", f"{before.people:,} → {after.people:,}"),
        ("Organisations: before → after", f"{before.organisations:,} → {after.organisations:,}"),
    ]


def _format_percentile(waits: list[float], share: float) -> str:
    return f"{waits[math.ceil(share * len(waits)) - 1]:.2f}" if waits else "–"
