"""`petition up`, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from support.settings import ROOT
from support.site_client import SiteClient
from support.waiting import BUSY_FACTOR, wait_for

STOP_LIMIT_SECONDS = 10 * BUSY_FACTOR  # from a signal until nothing runs


class LocalStack(SiteClient):
    """A running `petition up`, and a client of its site."""

    def __init__(self, data: Path, port: int, **settings: str) -> None:
        super().__init__(f"http://127.0.0.1:{port}")
        self.data, self.port, self.output = data, port, data.parent / f"{data.name}.out"
        command = [sys.executable, "-m", "petition.cli", "up", "--port", str(port), "--data", str(data)]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("PETITION_", "PYTEST_"))} | settings
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=environ, cwd=ROOT, start_new_session=True
            )

    def wait_until_started(self) -> "LocalStack":
        """Wait until it serves, on however busy a machine; a start that fails leaves no process."""
        try:
            wait_for(lambda: self.process.poll() is not None or "Ctrl-C" in self.output.read_text(), 300, "the start")
        except AssertionError:
            self.stop()
            raise
        assert self.process.poll() is None, self.output.read_text()
        return self

    def settings(self) -> dict[str, str]:
        return json.loads((self.data / "stack.json").read_text())["environ"]

    def process_tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, sign: int = signal.SIGINT) -> tuple[float, list[psutil.Process]]:
        """Stop it; return how long that took, in seconds, and which of its processes were left."""
        family, began = self.process_tree(), time.monotonic()
        self.process.send_signal(sign)
        self.process.wait(120)
        took = time.monotonic() - began
        _, left = psutil.wait_procs(family, timeout=5 * BUSY_FACTOR)
        return took, left
