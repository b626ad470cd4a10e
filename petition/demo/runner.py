"""Simulate the campaign's first day on a running stack, over HTTP only, and check every number it shows."""

import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from petition.demo.fake_people import Signer, generate_signers
from petition.demo.http_client import SiteClient, Unreachable
from petition.demo.mailbox_client import ConfirmationMail, MailboxClient
from petition.demo.report import RunRecord, SiteSnapshot, print_report, run_checks
from petition.demo.visitor import (
    Count,
    StepResult,
    confirm,
    expected_signatories,
    fetch_count,
    fetch_page_count,
    fetch_signatories,
    open_link,
    sign,
)

SIGNING_THREADS = 12  # people who sign at the same time
READING_THREADS = 8  # people who read their email at the same time
MAILBOX_POLL_INTERVAL_SECONDS = 0.05
MAIL_TIMEOUT_SECONDS = 120.0  # for emails and confirmations, once everybody has signed
PAGE_CACHE_TIMEOUT_SECONDS = 10.0  # for the public pages, which may be cached, to show the last signature
DUPLICATE_MAIL_WAIT_SECONDS = 1.0  # a second email to the same address would follow the first at once
# This many links are opened before any signature is confirmed: the count must not change meanwhile.
MIN_LINKS_OPENED_FIRST = 50


def run_demo(
    base_url: str,
    people: int = 600,
    organisations: int = 30,
    seed: int = 2022,
    console: Console | None = None,
) -> int:
    """Sign, receive, open and confirm for everybody, then print the results.

    Returns 0 when every check passes, 1 when one fails or the stack does not answer. Waits at most
    `MAIL_TIMEOUT_SECONDS` for emails once all have signed. Addresses are new at each run, so a stack can be
    used again.
    """
    console = console or Console()
    site = SiteClient(base_url)
    try:
        before = _take_snapshot(site)
        run = _DemoRun(site, generate_signers(people, organisations, seed, secrets.token_hex(3)))
        with _create_progress_bar(console) as progress:
            run.run(progress)
        after = _wait_for_pages(site, run.record, before)
    except Unreachable as error:
        console.print(f"✗ The stack does not answer: {error}", markup=False, highlight=False)
        return 1
    checks = run_checks(run.record, before, run.count_after_opening, after)
    print_report(console, run.record, before, after, checks)
    return 0 if all(check.passed for check in checks) else 1


class _DemoRun:
    """Everybody signs at once; each email is opened, then confirmed, while others are still signing."""

    def __init__(self, site: SiteClient, signers: list[Signer]) -> None:
        self.record = RunRecord(signers)
        self.count_after_opening: Count | None = None
        self._site = site
        self._mailbox = MailboxClient(site)
        self._networks = {signer.email: signer.network for signer in signers}
        self._pending: dict[str, set[Future[StepResult]]] = {"sign": set(), "scan": set(), "confirm": set()}
        self._opened: list[StepResult] = []

    def run(self, progress: Progress) -> None:
        total = len(self.record.signers)
        bars = [progress.add_task(name, total=total) for name in ("signed", "emailed", "confirmed")]
        with ThreadPoolExecutor(SIGNING_THREADS) as signing, ThreadPoolExecutor(READING_THREADS) as reading:
            for number, signer in enumerate(self.record.signers):
                self._pending["sign"].add(signing.submit(sign, self._site, signer, number % 2 == 0))
            deadline = None
            while not self._is_finished(deadline):
                self._poll(reading)
                done = (self.record.signed, self.record.mailed, self.record.confirmed)
                for bar, finished in zip(bars, done, strict=True):
                    progress.update(bar, completed=len(finished))
                if deadline is None and not self._pending["sign"]:
                    deadline = time.monotonic() + MAIL_TIMEOUT_SECONDS
                time.sleep(MAILBOX_POLL_INTERVAL_SECONDS)
        time.sleep(DUPLICATE_MAIL_WAIT_SECONDS)
        self._receive(self._mailbox.fetch_new())

    def _poll(self, reading: ThreadPoolExecutor) -> None:
        for step in self._collect_finished("sign"):
            self.record.signed[step.email] = step.started
            self.record.answered[step.email] = step.answered_at
        for mail in self._receive(self._mailbox.fetch_new()):
            network = self._networks[mail.to]
            self._pending["scan"].add(reading.submit(open_link, self._site, mail, network))
        for step in self._collect_finished("scan"):
            self.record.opened += 1
            self._opened.append(step)
        if self.count_after_opening is None and self._enough_opened():
            self.count_after_opening = fetch_count(self._site)
        if self.count_after_opening is not None:
            for step in self._opened:
                args = self._site, step.email, step.path, self._networks[step.email]
                self._pending["confirm"].add(reading.submit(confirm, *args))
            self._opened.clear()
        self.record.confirmed.update(step.email for step in self._collect_finished("confirm"))

    def _receive(self, mails: list[ConfirmationMail]) -> list[ConfirmationMail]:
        first = []
        for mail in mails:
            if mail.to in self._networks:
                self.record.mail_counts[mail.to] += 1
                if mail.to not in self.record.mailed:
                    self.record.mailed[mail.to] = mail.seen_at
                    if mail.received_at is not None:
                        self.record.received[mail.to] = mail.received_at
                    first.append(mail)
        return first

    def _collect_finished(self, stage: str) -> list[StepResult]:
        done, self._pending[stage] = wait(self._pending[stage], timeout=0)
        steps = [future.result() for future in done]
        self.record.problems += [f"{stage}: {step.problem}" for step in steps if step.problem]
        return [step for step in steps if not step.problem]

    def _enough_opened(self) -> bool:
        everybody = not self._pending["sign"] and self.record.opened >= len(self.record.signed)
        return everybody or self.record.opened >= MIN_LINKS_OPENED_FIRST

    def _is_finished(self, deadline: float | None) -> bool:
        if deadline is None:
            return False
        idle = not any(self._pending.values()) and not self._opened
        return time.monotonic() > deadline or (idle and len(self.record.mailed) >= len(self.record.signed))


def _take_snapshot(site: SiteClient) -> SiteSnapshot:
    return SiteSnapshot(fetch_count(site), fetch_page_count(site), fetch_signatories(site))


def _wait_for_pages(site: SiteClient, record: RunRecord, before: SiteSnapshot) -> SiteSnapshot:
    deadline = time.monotonic() + PAGE_CACHE_TIMEOUT_SECONDS
    expected = expected_signatories([signer for signer in record.signers if signer.email in record.confirmed])
    while True:
        after = _take_snapshot(site)
        agrees = after.page == after.count.confirmed and after.names - before.names == expected
        if agrees or time.monotonic() > deadline:
            return after
        time.sleep(0.5)


def _create_progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
