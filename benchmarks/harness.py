"""Shared by all benchmarks: engines, the application's processes, a load client, comparison and summary."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.app_processes import AppProcesses  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.waiting import wait_for  # noqa: E402

from petition.local_stack.app_processes import WORKER_QUEUES  # noqa: E402
from petition.local_stack.postgres import Postgres  # noqa: E402
from petition.local_stack.valkey import Valkey  # noqa: E402

FULL = os.environ.get("SCALE", "quick") == "full"
SECONDS = 10 if FULL else 2  # of one measurement
ROUNDS = 5 if FULL else 2  # of each side, alternating
# For the rounds of one claim; the quick form ends within eight minutes on a slow machine too.
CLAIM_BUDGET_SECONDS = 3600 if FULL else 10
SIGNATURES_SQL = """
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, confirmed_at, confirmed_no)
    SELECT p.id, 'person', %(state)s::text, 'Zoé Martin', %(prefix)s || n || '@bench.example',
           %(prefix)s || n || '@bench.example', 'fr', true, true, 'page', 1, 1,
           CASE WHEN %(state)s::text = 'confirmed' THEN now() END,
           CASE WHEN %(state)s::text = 'confirmed' THEN nextval('confirmation_numbers') END
    FROM petitions p, generate_series(1, %(n)s::int) AS n
    RETURNING id
"""
DELIVERIES_SQL = """
    INSERT INTO deliveries (kind, queue, state, attempt, petition_id, subject_id, generation, settled_at, domain)
    SELECT 'confirm_signature', 'confirmations', %(state)s::text, 0, petition_id, id, 1,
           CASE WHEN %(state)s::text = 'sent' THEN now() END, 'bench.example'
    FROM signatures WHERE email LIKE %(prefix)s || '%%'
"""
CONNECTIONS = 16  # more than the web processes have threads
SLUG = "internet-en-prison"
WARM_UP_PATHS = {"wsgi:app": f"/p/{SLUG}", "reference:app": "/ready"}
TOOLS = {"wrk": "wrk", "smtp-sink": "postfix"}
SINK_SESSIONS = 100


def find_tool(name: str) -> str | None:
    """Return the path of a load tool; None where it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def require_tools() -> None:
    """End, with the command that installs them, where load tools are missing."""
    if missing := [name for name in TOOLS if not find_tool(name)]:
        packages = " ".join(TOOLS[name] for name in missing)
        sys.exit(f"Missing: {', '.join(missing)}. apt-get install --no-install-recommends {packages}")


class System(AppProcesses):
    """Engines, a mail sink, and the application around them."""

    def __init__(self, folder: Path, keeps_mail: bool = False) -> None:
        require_tools()
        self.postgres, self.valkey, self.sink_port = Postgres(folder), Valkey(folder, free_port()), free_port()
        self.postgres.start(), self.valkey.start()
        super().__init__(folder, self.postgres.url, self.valkey.url, self.sink_port)
        self.sink = self._sink("-D", "mails") if keeps_mail else self._sink()
        self.environ |= {"PETITION_SIGN_LIMIT": "1000000/minute", "PETITION_LOG_LEVEL": "WARNING"}
        del self.environ["PETITION_CACHE_TTL"]  # as in production
        made = (
            self.petition("db", "upgrade"),
            self.petition("petitions", "create", str(ROOT / "petition/demo/internet-en-prison.md"), "--open"),
        )
        assert all(each.returncode == 0 for each in made), made
        plain = self.postgres.url.replace("postgresql+psycopg://", "postgresql://")
        self.database = psycopg.connect(plain, autocommit=True)
        self.environ["REFERENCE_DATABASE"] = plain

    def _sink(self, *options: str) -> subprocess.Popen[bytes]:
        inbox = self.folder / "inbox"
        inbox.mkdir()
        inbox.chmod(0o777)
        account = ("-u", "nobody") if os.geteuid() == 0 else ()
        command = [find_tool("smtp-sink"), *account, "-c", *options, f"127.0.0.1:{self.sink_port}", str(SINK_SESSIONS)]
        sink = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=inbox)
        wait_for(lambda: _listens(self.sink_port), 10, "the sink")
        return sink

    def serve(self, name: str, app: str, *options: str) -> str:
        """Start a web server for an app as `petition up` would, but for `options`, and return its address."""
        port = free_port()
        self.start(
            name, "gunicorn", "--config", "python:petition.local_stack.gunicorn_conf", "--chdir", str(HERE),
            "--pythonpath", str(ROOT), "--bind", f"127.0.0.1:{port}", *options, app,
        )  # fmt: skip
        wait_for(lambda: _listens(port), 60, f"the server {name}")
        url = f"http://127.0.0.1:{port}"
        # Each process and thread has answered, and has a connection, before anything is measured.
        for _ in range(CONNECTIONS):
            wait_for(lambda: _answers(url + WARM_UP_PATHS[app]), 30, f"an answer of {name}")
        return url

    def start_script(self, name: str) -> None:
        """Start a script of this folder, by its name."""
        self.start(name, name, cwd=HERE)

    def workers(self) -> None:
        """Start the workers that `petition up` starts, all at the same time."""
        for name, queues in WORKER_QUEUES.items():
            self.begin_worker(queues, name)
        for name in WORKER_QUEUES:
            self.wait_for_worker(name)

    def insert_signatures(self, n: int, state: str, prefix: str, link: str | None = None) -> list[int]:
        """Make signatures, with the state of the email that carries the link, and return their numbers."""
        values = {"n": n, "state": state, "prefix": prefix}
        numbers = [row[0] for row in self.database.execute(SIGNATURES_SQL, values).fetchall()]
        if link:
            self.database.execute(DELIVERIES_SQL, {"prefix": prefix, "state": link})
        self.database.execute("ANALYZE signatures, deliveries")
        return numbers

    def fetch_value(self, query: str, *values: object) -> object:
        """Return the first value that a query gives."""
        row = self.database.execute(query, values or None).fetchone()
        return row[0] if row else None

    def process_tree(self, name: str) -> list[psutil.Process]:
        """Return a part's processes, its parent first."""
        parent = psutil.Process(self.running[name].pid)
        return [parent, *parent.children(recursive=True)]

    def close(self) -> None:
        """Stop every process."""
        self.database.close()
        for name in list(self.running):
            with suppress(subprocess.TimeoutExpired):
                self.end(name, signal.SIGTERM)
        self.stop()
        self.sink.terminate()
        self.valkey.stop(), self.postgres.stop()


def _listens(port: int) -> bool:
    return any(c.laddr.port == port and c.status == "LISTEN" for c in psutil.net_connections("tcp"))


def _answers(url: str) -> bool:
    """Say whether a page is served; 503 means not yet, any other error is a defect."""
    try:
        return urllib.request.urlopen(url, timeout=20).status == 200
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
    return False


@contextmanager
def system(keeps_mail: bool = False) -> Iterator[System]:
    """Yield a system in a folder of its own, gone afterwards; `keeps_mail`: its emails in the file `mails`."""
    with tempfile.TemporaryDirectory(prefix="petition-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        found = System(Path(folder), keeps_mail)
        try:
            yield found
        except BaseException:
            for log in sorted(found.folder.glob("*.log")):
                print(f"== {log.name}", *log.read_text(errors="replace").splitlines()[-20:], sep="\n", file=sys.stderr)
            raise
        finally:
            found.close()


def load(url: str, script: str, *arguments: object, seconds: float = SECONDS, connections: int = CONNECTIONS) -> dict:
    """Send requests for some seconds with wrk, in a process of its own, and return the rate and the waits.

    Every answer is checked by the script; one that is not what it should be ends the benchmark.
    """
    command = [
        find_tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s",
        str(HERE / "lua" / f"{script}.lua"), url, "--", *map(str, arguments),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False, cwd=HERE / "lua")
    found = ended.stdout.rpartition("RESULT ")[2]
    assert found, ended.stdout + ended.stderr
    result = json.loads(found)
    assert result["wrong"] == 0, f"{script}: {result['wrong']} answers are not what they should be: {ended.stdout}"
    return result


def print_json(found: dict) -> None:
    """Print the results of one benchmark."""
    print(json.dumps(found, indent=1))


def summarise(rates: list[float]) -> dict:
    """Return the median, the least and the most of some rates."""
    return {"median": statistics.median(rates), "least": min(rates), "most": max(rates)}


def compare(ours, reference, rounds: int = ROUNDS) -> dict:
    """Measure two sides in turn, after one turn of each that does not count; returns both and their ratio."""
    return compare_each(ours, {"": reference}, rounds)[""]


def compare_each(ours, references: dict, rounds: int = ROUNDS) -> dict:
    """Measure ours and each reference in turn, as `compare` does; returns the comparisons by the reference's name.

    There are fewer rounds, but at least one, where the claim's time is over.
    """
    sides, began = {"ours": ours, **references}, time.monotonic()
    for run in sides.values():
        run()
    runs: dict[str, list] = {name: [] for name in sides}
    for number in range(rounds):
        if number and time.monotonic() - began > CLAIM_BUDGET_SECONDS * number / (number + 1):
            break
        for name, run in sides.items():
            runs[name].append(run())
    return {name: _compared(runs["ours"], runs[name]) for name in references}


def _compared(ours: list[dict], reference: list[dict]) -> dict:
    found = {}
    for name, runs in (("ours", ours), ("reference", reference)):
        middle = sorted(runs, key=lambda run: run["rate"])[len(runs) // 2]
        found[name] = {**middle, "rate": summarise([run["rate"] for run in runs])}
    pairs = [o["rate"] / r["rate"] for o, r in zip(ours, reference, strict=True)]
    # Of each pair and then the middle: a machine whose speed changes is as fast for both sides of one.
    return {**found, "ratio": statistics.median(pairs), "ratios": [round(pair, 3) for pair in pairs]}


@contextmanager
def record_cpu(system: System, found: dict, **parts: str) -> Iterator[None]:
    """Add to `found` the processor seconds per second that each process of some parts uses meanwhile."""
    before = {name: _times(system.process_tree(part)) for name, part in parts.items()}
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    found["cpu"] = {
        name: [
            round((now - before[name].get(pid, 0)) / took, 2) for pid, now in _times(system.process_tree(part)).items()
        ]
        for name, part in parts.items()
    }


def _times(family: list[psutil.Process]) -> dict[int, float]:
    found = {}
    for process in family:
        with suppress(psutil.NoSuchProcess):
            found[process.pid] = sum(process.cpu_times()[:2])
    return found


def measure_memory(family: list[psutil.Process]) -> float:
    """Return the unshared memory of some processes, in megabytes."""
    return sum(process.memory_full_info().uss for process in family) / 1e6
