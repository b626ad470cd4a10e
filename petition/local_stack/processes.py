"""Start processes in their own session, identify them after a crash, and terminate them reliably."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import click

POLL_INTERVAL_SECONDS = 0.02

# Signals to terminate a process, each with the seconds to wait before the next.
StopSignals = Sequence[tuple[signal.Signals, float]]
DEFAULT_STOP_SIGNALS: StopSignals = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))


class LocalStackError(click.ClickException):
    """The local stack cannot start or be used; the message is one line."""


def spawn(
    argv: Sequence[str | Path],
    output: int | IO[bytes],
    environ: Mapping[str, str],
    cwd: Path | None = None,
    **identity: Any,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with stderr joined to stdout.

    Ctrl-C and hang-up of the terminal do not reach it: its starter terminates it, in the order that loses nothing.
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
    """Poll until the condition is true, for `seconds` at most; return whether it is."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(POLL_INTERVAL_SECONDS)
    return True


def process_identity(pid: int) -> str | None:
    """Return a text that distinguishes this process from a later one with the same PID; None when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _process_identity_from_ps(pid)
    # The command's name, in brackets, may itself contain blanks and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot} {fields[18]}"


def _process_identity_from_ps(pid: int) -> str | None:
    ended = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = ended.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def terminate(pid: int, has_ended: Callable[[], bool], stop_signals: StopSignals = DEFAULT_STOP_SIGNALS) -> None:
    """Terminate a process group by signals, each sent only if the one before was not enough."""
    for sign, seconds in stop_signals:
        if has_ended():
            return
        send_signal(pid, sign)
        wait_until(has_ended, seconds)


def send_signal(pid: int, sign: signal.Signals) -> None:
    """Send a signal to a process group, which may have ended already."""
    try:
        os.killpg(pid, sign)
    except (ProcessLookupError, PermissionError):
        return


def read_last_line(log: Path) -> str:
    """Return the last line of a log, for a one-line error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "it has no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
