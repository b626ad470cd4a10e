"""Play the campaign's first day against a running stack, over HTTP only, and compare every figure."""

import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from petition.demo.mailbox import Mail, Mailbox
from petition.demo.people import Signer, crowd
from petition.demo.report import Reading, Record, checks, show
from petition.demo.site import Site, Unreachable
from petition.demo.steps import Count, Step, confirm, count, count_on_page, expected, listed, scan, sign

HANDS = 12  # people at the form at the same time
READERS = 8  # people at their mail at the same time
POLL = 0.05  # seconds between two looks at the mailbox
PATIENCE = 120.0  # seconds to wait for mails and confirmations once everybody has signed
SETTLE = 10.0  # seconds that the public pages, which may be cached, have to show the last signature
LINGER = 1.0  # seconds: a second mail to the same address would come right behind the first
# So many links are opened before any button is pressed: the count may not move meanwhile.
OPENED_FIRST = 50


def play(
    base_url: str,
    people: int = 600,
    organisations: int = 30,
    seed: int = 2022,
    console: Console | None = None,
) -> int:
    """Sign, receive, open and confirm for everybody, then print the figures.

    Returns 0 when every figure agrees, 1 when one disagrees or the stack does not answer. Waits at most
    `PATIENCE` seconds for mails once all have signed. Addresses are new at each run, so the same stack can be
    played again.
    """
    console = console or Console()
    site = Site(base_url)
    try:
        before = _reading(site)
        day = _Day(site, crowd(people, organisations, seed, secrets.token_hex(3)))
        with _progress(console) as progress:
            day.run(progress)
        after = _settled(site, day.record, before)
    except Unreachable as error:
        console.print(f"✗ The stack does not answer: {error}", markup=False, highlight=False)
        return 1
    found = checks(day.record, before, day.unmoved, after)
    show(console, day.record, before, after, found)
    return 0 if all(check.good for check in found) else 1


class _Day:
    """Everybody signs at once; each mail is opened, then confirmed, while others are still signing."""

    def __init__(self, site: Site, signers: list[Signer]) -> None:
        self.record = Record(signers)
        self.unmoved: Count | None = None
        self._site = site
        self._mailbox = Mailbox(site)
        self._networks = {signer.email: signer.network for signer in signers}
        self._pending: dict[str, set[Future[Step]]] = {"sign": set(), "scan": set(), "confirm": set()}
        self._opened: list[Step] = []

    def run(self, progress: Progress) -> None:
        total = len(self.record.signers)
        bars = [progress.add_task(name, total=total) for name in ("signed", "mailed", "confirmed")]
        with ThreadPoolExecutor(HANDS) as signing, ThreadPoolExecutor(READERS) as reading:
            for number, signer in enumerate(self.record.signers):
                self._pending["sign"].add(signing.submit(sign, self._site, signer, number % 2 == 0))
            deadline = None
            while not self._over(deadline):
                self._turn(reading)
                done = (self.record.signed, self.record.mailed, self.record.confirmed)
                for bar, finished in zip(bars, done, strict=True):
                    progress.update(bar, completed=len(finished))
                if deadline is None and not self._pending["sign"]:
                    deadline = time.monotonic() + PATIENCE
                time.sleep(POLL)
        time.sleep(LINGER)
        self._receive(self._mailbox.new())

    def _turn(self, reading: ThreadPoolExecutor) -> None:
        for step in self._finished("sign"):
            self.record.signed[step.email] = step.started
        for mail in self._receive(self._mailbox.new()):
            network = self._networks[mail.to]
            self._pending["scan"].add(reading.submit(scan, self._site, mail, network))
        for step in self._finished("scan"):
            self.record.opened += 1
            self._opened.append(step)
        if self.unmoved is None and self._enough_opened():
            self.unmoved = count(self._site)
        if self.unmoved is not None:
            for step in self._opened:
                args = self._site, step.email, step.path, self._networks[step.email]
                self._pending["confirm"].add(reading.submit(confirm, *args))
            self._opened.clear()
        self.record.confirmed.update(step.email for step in self._finished("confirm"))

    def _receive(self, mails: list[Mail]) -> list[Mail]:
        first = []
        for mail in mails:
            if mail.to in self._networks:
                self.record.mails[mail.to] += 1
                if mail.to not in self.record.mailed:
                    self.record.mailed[mail.to] = mail.seen
                    first.append(mail)
        return first

    def _finished(self, stage: str) -> list[Step]:
        done, self._pending[stage] = wait(self._pending[stage], timeout=0)
        steps = [future.result() for future in done]
        self.record.problems += [f"{stage}: {step.problem}" for step in steps if step.problem]
        return [step for step in steps if not step.problem]

    def _enough_opened(self) -> bool:
        everybody = not self._pending["sign"] and self.record.opened >= len(self.record.signed)
        return everybody or self.record.opened >= OPENED_FIRST

    def _over(self, deadline: float | None) -> bool:
        if deadline is None:
            return False
        idle = not any(self._pending.values()) and not self._opened
        return time.monotonic() > deadline or (idle and len(self.record.mailed) >= len(self.record.signed))


def _reading(site: Site) -> Reading:
    return Reading(count(site), count_on_page(site), listed(site))


def _settled(site: Site, record: Record, before: Reading) -> Reading:
    deadline = time.monotonic() + SETTLE
    wanted = expected([signer for signer in record.signers if signer.email in record.confirmed])
    while True:
        after = _reading(site)
        agrees = after.page == after.count.confirmed and after.names - before.names == wanted
        if agrees or time.monotonic() > deadline:
            return after
        time.sleep(0.5)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
