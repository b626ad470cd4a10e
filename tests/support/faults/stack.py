"""The whole application in processes, each of which can be killed, suspended and started again."""

import secrets
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
from support.app_processes import AppProcesses
from support.faults.load import SLUG
from support.faults.reporting import make_operator_cookie
from support.misbehaving_smtp import MisbehavingSmtpServer
from support.ports import free_port
from support.settings import ROOT
from support.waiting import wait_for

from petition.local_stack import app_processes
from petition.local_stack.postgres import Postgres
from petition.local_stack.valkey import Valkey

# Those of `petition up`; here the worker that signers wait for is *the* worker.
WORKER_QUEUES = {
    {"confirmations": "worker"}.get(name, name): queues for name, queues in app_processes.WORKER_QUEUES.items()
}
# Hands a socket on by sd_listen_fds(3), as the process that it becomes.
PASS_SOCKET_SCRIPT = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class FaultStack(AppProcesses):
    """Web, three workers, beat, PostgreSQL, Valkey and a mail server, with the demo's petition open."""

    def __init__(self, folder, clock=None):
        self.clock = clock
        self.postgres, self.valkey = Postgres(folder), Valkey(folder, free_port())
        self.mail_server = MisbehavingSmtpServer().start(free_port())
        super().__init__(folder, self.postgres.start(), self.valkey.start(), self.mail_server.port)
        self.environ |= clock.environ if clock else {}
        self.full_disk = False
        # Kept open here as systemd does: clients wait while the web is replaced, and are not refused.
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=2048)
        # Few emails on one connection, so that every stage of the session occurs often.
        self.environ["MAIL_MAX_EMAILS"] = "5"
        self._keep_keys(folder)

    def log(self, name):
        """Return the log of a process: a full disk, if there is one."""
        return Path("/dev/full") if self.full_disk else super().log(name)

    def _keep_keys(self, folder):
        """Read the keys from files, so that a rotation needs no other environment."""
        self.key, self.fallbacks = folder / "key", folder / "fallbacks"
        del self.environ["SECRET_KEY"]
        self.key.write_text(secrets.token_hex(32))
        self.fallbacks.write_text("")
        self.environ |= {"SECRET_KEY_FILE": str(self.key), "SECRET_KEY_FALLBACKS_FILE": str(self.fallbacks)}

    def begin(self):
        """Bring the database up to date, open the petition and start every process."""
        for command in (("db", "upgrade"), ("petitions", "create", str(ROOT / f"petition/demo/{SLUG}.md"), "--open")):
            ended = self.petition(*command)
            assert ended.returncode == 0, ended.stderr
        self.operator = make_operator_cookie(self.environ)
        self.restart()
        return self

    def restart(self, only=None):
        """Start every process that does not run, or only one."""
        for name in [name for name in ("web", *WORKER_QUEUES, "beat") if only in (None, name)]:
            if name not in self.running or self.running[name].poll() is not None:
                self.launch(name)

    def launch(self, name):
        """Start a process as a supervisor does: again and again, while its database is away."""

        def stays():
            try:
                self.worker(WORKER_QUEUES[name], name) if name in WORKER_QUEUES else getattr(self, name)()
            except AssertionError:
                if self.running[name].poll() is None:
                    raise
            return self.running[name].poll() is None

        wait_for(stays, 180, f"the start of {name}")

    def replace_workers(self):
        """Let each worker finish its current work, and start another in its place."""
        for name in WORKER_QUEUES:
            self.end(name)
            self.launch(name)

    def process_tree(self, name):
        """Return a process and its children, children first."""
        process = psutil.Process(self.running[name].pid)
        return [*process.children(recursive=True), process]

    def signal(self, name, sign):
        """Send a signal to a process and its children."""
        for process in self.process_tree(name):
            process.send_signal(sign)

    def web(self):
        """Start the web on the open socket."""
        number = self.socket.fileno()
        super().web(within=(sys.executable, "-c", PASS_SOCKET_SCRIPT, str(number)), pass_fds=(number,))

    def replace_web(self):
        """Let the web answer its current requests, and start another in its place."""
        self.end("web")
        self.launch("web")

    def rotate_keys(self, key, fallbacks):
        """Change the keys of every process, the web first; links of both keys stay valid."""
        self.key.write_text(key)
        self.fallbacks.write_text(",".join(fallbacks))
        self.replace_web()
        self.replace_workers()

    def migrate(self, way):
        """Upgrade to a schema one migration ahead, or downgrade; a migration that gets no lock is run again."""
        command = [sys.executable, "-m", "tests.support.faults.migrate", way]

        def done():
            ended = subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, check=False)
            assert ended.returncode == 0 or "lock timeout" in ended.stderr, ended.stderr
            return ended.returncode == 0

        wait_for(done, 60, f"the {way}")

    def query(self, query, *values):
        """Query the database, for the comparison at the end."""
        plain = self.postgres.url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, connect_timeout=5, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def wait_until(self, condition, limit, what):
        """Wait for a condition; if it fails, report the state of processes, emails and pauses."""
        try:
            return wait_for(condition, limit, what)
        except AssertionError as error:
            ended = [name for name, process in self.running.items() if process.poll() is not None]
            emails = self.query("SELECT queue, state, attempt, cause, count(*) FROM deliveries GROUP BY 1, 2, 3, 4")
            pauses = self.query("SELECT scope, reason, until - now(), strikes FROM pauses")
            raise AssertionError(f"{error}; ended: {ended}; emails: {emails}; pauses: {pauses}") from None

    def rows(self, label):
        """Return the state of each signature of one period of load, by address."""
        return dict(self.query("SELECT email, state FROM signatures WHERE email LIKE %s", f"{label}-%"))

    def count_unsettled(self, label):
        """Return how many emails of one period of load are not sent or cancelled yet, or not enqueued.

        One that a killed worker may have sent is cancelled if its recipient has confirmed meanwhile.
        """
        return self.query(
            "SELECT (SELECT count(*) FROM deliveries d JOIN signatures s ON s.id = d.subject_id WHERE s.email LIKE %s"
            " AND d.state NOT IN ('sent', 'cancelled') AND d.kind = 'confirm_signature')"
            " + (SELECT count(*) FROM sign_requests WHERE email LIKE %s)", f"{label}-%", f"{label}-%",
        )[0][0]  # fmt: skip

    def count_mismatch(self):
        """Return the difference between the count that is shown and the confirmed rows, if any."""
        shown = self.site.count()["confirmed"]
        rows = self.query("SELECT count(*) FROM signatures WHERE state = 'confirmed'")[0][0]
        return [] if shown == rows else [f"the count is {shown} and {rows} rows are confirmed"]

    def stop(self):
        """Stop everything."""
        super().stop()
        self.socket.close()
        self.mail_server.stop()
        self.valkey.stop()
        self.postgres.stop()
