"""Terminate the processes that a killed `petition up` left running, identified by PID and start time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from petition.local_stack.postgres import Postgres
from petition.local_stack.processes import DEFAULT_STOP_SIGNALS, process_identity, terminate
from petition.local_stack.state_file import StateFile

SERVICE_NAMES = ("postgres", "valkey", "mailbox")


def terminate_orphans(record: StateFile) -> None:
    """Terminate the recorded processes that still run, the services last, and clear the record."""
    processes = record.read().get("processes", [])
    apps = [process for process in processes if process["name"] not in SERVICE_NAMES]
    services = [process for process in processes if process["name"] in SERVICE_NAMES]
    for group in (apps, services):
        with ThreadPoolExecutor(max(len(group), 1)) as pool:
            list(pool.map(_terminate, group))
    record.clear()


def _terminate(process: dict[str, Any]) -> None:
    steps = Postgres.stop_signals if process["name"] == Postgres.name else DEFAULT_STOP_SIGNALS
    terminate(process["pid"], _has_ended(process["pid"], process["birthmark"]), steps)


def _has_ended(pid: int, birthmark: str | None) -> Callable[[], bool]:
    return lambda: birthmark is None or process_identity(pid) != birthmark
