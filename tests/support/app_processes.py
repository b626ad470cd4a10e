"""The application's processes, which a test can start, stop and kill one by one."""

import signal
import subprocess
import sys

import psutil
from support.ports import free_port
from support.settings import ROOT, environment
from support.site_client import SiteClient
from support.waiting import wait_for

START_SECONDS = 180  # what a start takes at most where other work keeps the processors busy


class AppProcesses:
    """The application's processes, each startable and killable on its own, around one database."""

    def __init__(self, folder, database_url, redis_url, mail_port):
        self.port, self.folder, self.running = free_port(), folder, {}
        self.root = ROOT  # of the code that is started: a test may set that of another version
        self.environ = environment(
            database_url,
            redis_url,
            MAIL_PORT=str(mail_port),
            PETITION_ATTACK_SIGNATURES="0",
            PETITION_CLAIM_TIMEOUT="10",
            MAIL_TIMEOUT="3",
            PATH="/usr/bin:/bin",
            PETITION_EMBEDDED="0",
            PETITION_LOG_LEVEL="INFO",
            PETITION_METRICS_ALLOW="127.0.0.0/8 198.18.0.0/15",
        )
        self.environ["PETITION_READY_DIR"] = str(folder)
        self.site = SiteClient(f"http://127.0.0.1:{self.port}")

    def log(self, name):
        """Return the log file of a process."""
        return self.folder / f"{name}.log"

    def start(self, name, *command, within=(), **options):
        """Start a process; `within`: a command that runs it on another host; `options`: of Popen."""
        with self.log(name).open("a") as log:
            self.running[name] = subprocess.Popen(
                [*within, sys.executable, "-m", *command],
                **{"env": self.environ, "cwd": self.root, "stdout": log, "stderr": log, **options},
            )

    def web(self, **how):
        """Start the web processes as `petition up` does; `how`: as `start` takes it."""
        command = ("gunicorn", "--config", "python:petition.local_stack.gunicorn_conf")
        self.start("web", *command, "--bind", f"127.0.0.1:{self.port}", "wsgi:app", **how)
        self._wait("web", self._answers)

    def _wait(self, name, is_ready):
        wait_for(lambda: self.running[name].poll() is not None or is_ready(), START_SECONDS, f"the start of {name}")
        assert self.running[name].poll() is None, f"{name} ended: see its log"

    def _answers(self):
        try:
            return self.site.get("/healthz").status == 200
        except OSError:
            return False

    def worker(self, queues="confirmations,notifications,mailings,maintenance,webhooks", name="worker", within=()):
        """Start a worker, and wait until it takes work."""
        self.begin_worker(queues, name, within)
        self.wait_for_worker(name)

    def begin_worker(self, queues, name, within=()):
        """Start a worker without waiting for it."""
        (self.folder / name).unlink(missing_ok=True)
        self.start(name, "celery", "-A", "worker", "worker", "-Q", queues, "-P", "threads", "-c", "4",
                   "-n", f"{name}@test", "--loglevel", "WARNING", within=within)  # fmt: skip

    def wait_for_worker(self, name):
        """Wait until a worker takes work."""
        self._wait(name, (self.folder / name).exists)

    def petition(self, *arguments):
        """Run a `petition` command on the same services; returns the completed process."""
        command = [sys.executable, "-m", "petition.cli", *arguments]
        return subprocess.run(
            command, env=self.environ, cwd=self.root, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )

    def end(self, name, sign=signal.SIGTERM):
        """Send a signal to one process, and wait until it has ended."""
        process = self.running.pop(name)
        for child in psutil.Process(process.pid).children(recursive=True) if sign == signal.SIGKILL else ():
            child.kill()
        process.send_signal(sign)
        process.wait(120)

    def beat(self):
        self.start("beat", "celery", "-A", "worker", "beat", "-s", str(self.folder / "beat"), "--loglevel", "WARNING")

    def stop(self):
        for process in self.running.values():
            process.kill()
            process.wait(120)
