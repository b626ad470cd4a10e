"""What a signature and an email cost each part, and what that comes to for millions of them.

    .venv/bin/python benchmarks/costs.py [--write]

Each step is done many times over with everything running, and what every part used meanwhile is divided by how often.
`--write` puts both tables into docs/deployment.md.
"""

import itertools
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import redis
import urllib3
from capacity import ResourceUsage, capacity_table, cost_table, describe_machine
from harness import CONNECTIONS, FULL, ROOT, SLUG, System, load, system, wait_for
from mailing import make_mailing

from config import Config
from petition.app import create_app
from petition.core import clock, tokens
from petition.core.db import db
from petition.local_stack.app_processes import WORKER_QUEUES
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.models import Mailing
from petition.signatures.links import CONFIRM_TOKEN_PURPOSE

RECIPIENTS = 20_000 if FULL else 5_000
PROCESSES = {"web": ["web"], "workers": list(WORKER_QUEUES), "beat": ["beat"]}
IDLE_SECONDS = 5  # seconds
SIGNATURES_PER_SECOND, SIGNING_SECONDS = 33, 30 if FULL else 15  # signatures a second; seconds
DOCUMENT, MARKS = ROOT / "docs" / "deployment.md", ("<!-- costs -->\n", "<!-- end of costs -->")
USAGE_SQL = """
    SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'),
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
           pg_database_size(current_database())
"""
UNSENT_SQL = """
    SELECT (SELECT count(*) FROM sign_requests)
           + (SELECT count(*) FROM deliveries WHERE state IN ('due', 'sending', 'deferred'))
"""


def read_usage(it: System) -> ResourceUsage:
    """Return what everything used so far."""
    time.sleep(1.5)  # PostgreSQL updates its statistics once a second
    usage = [float(value or 0) for value in it.database.execute(USAGE_SQL).fetchone()]
    memory = redis.Redis.from_url(it.valkey.url).info("memory")["used_memory"]
    cpu = {part: sum(_cpu(it.running[name].pid) for name in names) for part, names in PROCESSES.items()}
    engines = {"postgres": _cpu(it.postgres.process.pid), "redis": _cpu(it.valkey.process.pid)}
    return ResourceUsage({**cpu, **engines}, *usage, memory)


def _cpu(pid: int) -> float:
    """Return the milliseconds of a process and all its children, those that ended included."""
    parent = psutil.Process(pid)
    return 1000 * sum(sum(process.cpu_times()[:4]) for process in (parent, *parent.children(recursive=True)))


def _network(n: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"{11 + n // 62500}.{n // 250 % 250}.{n % 250}.7", "Accept-Language": "fr"}


class MeasuredSteps:
    """The steps that are measured; each returns how often it was done."""

    def __init__(self, it: System, web: str) -> None:
        self.it, self.web, self.app = it, web, create_app(Config({**os.environ, **it.environ}))

    def nothing(self) -> int:
        """Wait."""
        time.sleep(IDLE_SECONDS)
        return IDLE_SECONDS

    def page(self) -> int:
        """Show the letter."""
        return load(self.web, "get", f"/p/{SLUG}", 0)["requests"]

    def sign(self) -> int:
        """Have people sign at the pace of a large petition, and their links mailed."""
        before, pool = self.signatures(), urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        began = time.monotonic()

        def once(n: int) -> None:
            time.sleep(max(0.0, began + n / SIGNATURES_PER_SECOND - time.monotonic()))
            form = {"name": "Zoé Martin", "email": f"paced{n}@bench.example", "party": "person", "listed": "on"}
            sent = {"fields": form, "headers": _network(n), "encode_multipart": False, "redirect": False}
            answer = pool.request("POST", f"{self.web}/p/{SLUG}/sign", **sent)
            assert answer.status == 303

        with ThreadPoolExecutor(CONNECTIONS) as people:
            list(people.map(once, range(SIGNATURES_PER_SECOND * SIGNING_SECONDS)))
        return self.mailed() - before

    def rush(self) -> int:
        """Have people sign as fast as it goes, and their links mailed."""
        before = self.signatures()
        load(self.web, "sign", f"/p/{SLUG}/sign", "form", 1, 303)
        return self.mailed() - before

    def signatures(self) -> int:
        """Return how many there are."""
        return self.it.fetch_value("SELECT count(*) FROM signatures")

    def mailed(self) -> int:
        """Wait for the last link and return how many signatures there are."""
        wait_for(lambda: not self.it.fetch_value(UNSENT_SQL), 120, "the last link")
        return self.signatures()

    def confirm(self) -> int:
        """Open the links, press the button, look at the personal page."""
        # From no network: people press once, where clients that do not read would be asked to press again.
        self.it.database.execute("UPDATE signatures SET network = NULL")
        numbers = [row[0] for row in self.it.database.execute("SELECT id FROM signatures")]
        with self.app.app_context():
            paths = [f"/c/{tokens.make(CONFIRM_TOKEN_PURPOSE, number, 1)}" for number in numbers]
        pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        turn = itertools.count()

        def once(path: str) -> None:
            headers = _network(next(turn))
            page = pool.request("GET", self.web + path, headers=headers)
            assert page.status == 200
            form = {"seen": re.search(rb'name="seen" value="([^"]+)"', page.data)[1].decode()}
            answer = pool.request(
                "POST", self.web + path, headers=headers, fields=form, encode_multipart=False, redirect=False
            )
            assert answer.status == 303
            assert pool.request("GET", self.web + answer.headers["Location"], headers=headers).status == 200

        with ThreadPoolExecutor(CONNECTIONS) as people:
            list(people.map(once, paths))
        assert self.it.fetch_value("SELECT sum(people) FROM petition_counts") == len(paths)
        return len(paths)

    def mailing(self) -> int:
        """Materialise the audience of a mailing and send it."""
        number = make_mailing(self.app)
        with self.app.app_context():
            materialise_audience(db.session.get(Mailing, number), clock.now())
            db.session.commit()
        wait_for(lambda: not self.it.fetch_value(UNSENT_SQL), 200, "the end of the mailing")
        return RECIPIENTS


def measure() -> dict[str, ResourceUsage]:
    """Return what each step costs once."""
    found = {}
    with system() as it:
        ways = MeasuredSteps(it, it.serve("web", "wsgi:app"))
        it.workers()
        it.beat()
        for name in ("nothing", "page", "sign", "rush", "confirm", "mailing"):
            if name == "mailing":
                it.insert_signatures(RECIPIENTS, "confirmed", "r")
            before, began = read_usage(it), time.monotonic()
            times = getattr(ways, name)()
            print(f"{name}: {times} times, {times / (time.monotonic() - began):.0f}/s", file=sys.stderr, flush=True)
            found[name] = read_usage(it).since(before, times)
    return found


def main() -> None:
    """Measure, print both tables, and put them into the document if that is asked for."""
    found = measure()
    text = f"{describe_machine()}\n\n{cost_table(found)}\n\n{capacity_table(found)}\n"
    print(text)
    if "--write" in sys.argv:
        begin, end = MARKS
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
        DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
