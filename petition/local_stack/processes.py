"""Processes of this machine: started apart from the terminal, known again after a crash, ended for certain."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import click

POLL_INTERVAL_SECONDS = 0.02  # seconds between two looks at something awaited

# What is sent to end a process, and the seconds it is given before the next.
StopSignals = Sequence[tuple[signal.Signals, float]]
DEFAULT_STOP_SIGNALS: StopSignals = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))


class LocalStackError(click.ClickException):
    """Something of this machine that cannot be used; its text is one line."""


def spawn(
    argv: Sequence[str | Path],
    output: int | IO[bytes],
    environ: Mapping[str, str],
    cwd: Path | None = None,
    **identity: Any,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, both its outputs joined.

    The terminal's Ctrl-C and hang-up do not reach it: whoever started it ends it, in the order that loses nothing.
    `identity` takes Popen's `user`, `group` and `extra_groups`.
    """
    return subprocess.Popen(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(environ),
        cwd=cwd,
        start_new_session=True,
        **identity,
    )


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until the condition holds, for so many seconds at most; return whether it does."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(POLL_INTERVAL_SECONDS)
    return True


def process_identity(pid: int) -> str | None:
    """Return what tells this process from a later one of the same number; None when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _process_identity_from_ps(pid)
    # The command's name, in brackets, may itself hold blanks and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot} {fields[18]}"


def _process_identity_from_ps(pid: int) -> str | None:
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = told.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def terminate(pid: int, gone: Callable[[], bool], steps: StopSignals = DEFAULT_STOP_SIGNALS) -> None:
    """End a process group by its steps, each only when the one before was not enough."""
    for sign, seconds in steps:
        if gone():
            return
        send_signal(pid, sign)
        wait_until(gone, seconds)


def send_signal(pid: int, sign: signal.Signals) -> None:
    """Send a signal to a process group that may be gone already."""
    try:
        os.killpg(pid, sign)
    except (ProcessLookupError, PermissionError):
        return


def read_last_line(log: Path) -> str:
    """Return the last line of a log, to end a one-line complaint with."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "it left no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
