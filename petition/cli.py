"""Entry point of the `petition` command: `commands`; alone, as they run often, `queue check` and `worker-health`."""

import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config import Config
from petition.core.settings.checks import BadSetting
from petition.delivery.queues import QUEUE_NAMES
from petition.operations.health import quick_check

CHECK_TIMEOUT_SECONDS = 4.0  # for the whole check
UNKNOWN = 3  # exit code of monitoring plugins


def main() -> None:
    """Run the command."""
    if sys.argv[1:2] == ["worker-health"] and sys.argv[2:] in ([name] for name in QUEUE_NAMES):
        sys.exit(_check_worker(sys.argv[2]))
    asked = parse_check(sys.argv[1:])
    environ = _find_settings(asked[0]) if asked else None
    if asked and environ is not None:
        sys.exit(_check(environ, as_json=asked[1]))
    importlib.import_module("petition.commands").main()


def parse_check(arguments: Sequence[str]) -> tuple[Path, bool] | None:
    """Return the data folder, and whether JSON is asked for, where the arguments are `queue check`; else None."""
    data, rest = Path("instance"), list(arguments)
    if rest[:1] == ["--data"] and len(rest) > 1:
        data, rest = Path(rest[1]), rest[2:]
    elif rest and rest[0].startswith("--data="):
        data, rest = Path(rest[0].partition("=")[2]), rest[1:]
    return (data, "--json" in rest) if rest in (["queue", "check"], ["queue", "check", "--json"]) else None


def _find_settings(data: Path) -> Mapping[str, str] | None:
    """Return the settings of the environment or of the stack that runs on a folder; None where none runs."""
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        return os.environ
    try:
        state_file = importlib.import_module("petition.local_stack.state_file")
    except ModuleNotFoundError:
        return None
    running = state_file.StateFile(data.resolve()).read_running() if state_file.is_locked(data) else None
    return running["environ"] if running else None


def _check(environ: Mapping[str, str], *, as_json: bool) -> int:
    try:
        config: Any = Config({"PETITION_LOG_LEVEL": "WARNING", **environ})
    except BadSetting as error:
        print(f"PETITION UNKNOWN - {error}")  # noqa: T201
        return UNKNOWN
    signal.signal(signal.SIGALRM, _stop_waiting)
    signal.setitimer(signal.ITIMER_REAL, CHECK_TIMEOUT_SECONDS)
    try:
        result = quick_check.check(
            config.DATABASE_URL, config.BROKER_URL, config.PETITION_SLOW_AFTER, config.PETITION_STUCK_AFTER
        )
    except TimeoutError:
        result = quick_check.make_outage(f"the database does not answer within {CHECK_TIMEOUT_SECONDS:g} s")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(result.data if as_json else result.line)  # noqa: T201
    return result.code


def _check_worker(queue: str) -> str | None:
    """Return what keeps a worker of this host from answering; None if it does."""
    try:
        config: Any = Config(_find_settings(Path("instance")))
    except BadSetting as error:
        return f"petition: {error}"
    worker_health = importlib.import_module("petition.operations.workers.worker_health")
    problem = worker_health.check_worker(config.BROKER_URL, queue)
    return f"petition: {problem}" if problem else None


def _stop_waiting(*_: Any) -> None:
    raise TimeoutError


if __name__ == "__main__":
    main()
