"""What a signature and an email cost each part, and what that comes to for millions of them.

    .venv/bin/python benchmarks/costs.py [--write]

Each step is done many times over with everything running, and what every part used meanwhile is divided by how often.
`--write` puts both tables into docs/deployment.md.
"""

import itertools
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import redis
import urllib3
from arithmetic import Use, machine, measured, needed
from harness import CONNECTIONS, FULL, ROOT, SLUG, System, load, system, wait_for
from mailing_latency import START, WORDS

from config import Config
from petition import create_app
from petition.core import tokens
from petition.signatures.links import CONFIRM

RECIPIENTS = 20_000 if FULL else 5_000
PROCESSES = {"web": ["web"], "workers": ["confirmations", "rest"], "beat": ["beat"]}
IDLE = 5  # seconds
DOCUMENT, MARKS = ROOT / "docs" / "deployment.md", ("<!-- costs -->\n", "<!-- end of costs -->")
FIGURES = """
    SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'),
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
           pg_database_size(current_database())
"""
WAITING = "SELECT count(*) FROM deliveries WHERE state IN ('due', 'sending', 'deferred')"


def used(it: System) -> Use:
    """Return what everything used so far."""
    time.sleep(1.5)  # PostgreSQL tells its figures once a second
    figures = [float(value or 0) for value in it.database.execute(FIGURES).fetchone()]
    memory = redis.Redis.from_url(it.valkey.url).info("memory")["used_memory"]
    cpu = {part: sum(_cpu(it.running[name].pid) for name in names) for part, names in PROCESSES.items()}
    engines = {"postgres": _cpu(it.postgres.process.pid), "redis": _cpu(it.valkey.process.pid)}
    return Use({**cpu, **engines}, *figures, memory)


def _cpu(pid: int) -> float:
    """Return the milliseconds of a process and all its children, those that ended included."""
    parent = psutil.Process(pid)
    return 1000 * sum(sum(process.cpu_times()[:4]) for process in (parent, *parent.children(recursive=True)))


class Ways:
    """The steps that are measured; each returns how often it was done."""

    def __init__(self, it: System, web: str) -> None:
        self.it, self.web = it, web

    def nothing(self) -> int:
        """Wait."""
        time.sleep(IDLE)
        return IDLE

    def page(self) -> int:
        """Show the letter."""
        return load(self.web, "get", f"/p/{SLUG}", 0)["requests"]

    def sign(self) -> int:
        """Sign, while the links are held back."""
        load(self.web, "sign", f"/p/{SLUG}/sign", "form", 1, 303)
        return self.it.ask("SELECT count(*) FROM signatures")

    def link(self) -> int:
        """Send the links."""
        self.it.petition("queue", "resume", "confirmations")
        wait_for(lambda: not self.it.ask(WAITING), 120, "the last link")
        return self.it.ask("SELECT count(*) FROM deliveries")

    def confirm(self) -> int:
        """Open the links, press the button, look at the personal page."""
        numbers = [row[0] for row in self.it.database.execute("SELECT id FROM signatures")]
        with create_app(Config({**os.environ, **self.it.environ})).app_context():
            paths = [f"/c/{tokens.make(CONFIRM, number, 1)}" for number in numbers]
        pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        turn = itertools.count()

        def once(path: str) -> None:
            n = next(turn)
            headers = {"X-Forwarded-For": f"{11 + n // 62500}.{n // 250 % 250}.{n % 250}.7", "Accept-Language": "fr"}
            assert pool.request("GET", self.web + path, headers=headers).status == 200
            answer = pool.request("POST", self.web + path, headers=headers, redirect=False)
            assert answer.status == 303
            assert pool.request("GET", self.web + answer.headers["Location"], headers=headers).status == 200

        with ThreadPoolExecutor(CONNECTIONS) as people:
            list(people.map(once, paths))
        assert self.it.ask("SELECT sum(people) FROM petition_counts") == len(paths)
        return len(paths)

    def mailing(self) -> int:
        """Send a mailing, the freezing of its audience included."""
        mailing = self.it.ask(START)
        self.it.database.execute(WORDS, (mailing,))
        state = "SELECT state = 'sent' FROM mailings"
        wait_for(lambda: self.it.ask(state), 200, "the end of the mailing")
        return RECIPIENTS


def measure() -> dict[str, Use]:
    """Return what each step costs once."""
    found = {}
    with system() as it:
        ways = Ways(it, it.serve("web", "wsgi:app"))
        it.worker("confirmations", name="confirmations")
        it.worker("notices,mailings,upkeep", name="rest")
        it.beat()
        it.petition("queue", "pause", "confirmations")
        for name in ("nothing", "page", "sign", "link", "confirm", "mailing"):
            if name == "mailing":
                it.people(RECIPIENTS, "confirmed", "r")
            before, began = used(it), time.monotonic()
            times = getattr(ways, name)()
            print(f"{name}: {times} times, {times / (time.monotonic() - began):.0f}/s", file=sys.stderr, flush=True)
            found[name] = used(it).since(before, times)
    return found


def main() -> None:
    """Measure, print both tables, and put them into the document if that is asked for."""
    found = measure()
    text = f"{machine()}\n\n{measured(found)}\n\n{needed(found)}\n"
    print(text)
    if "--write" in sys.argv:
        begin, end = MARKS
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
        DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
