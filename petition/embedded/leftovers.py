"""End what a killed `petition up` left running: each only when it is that very process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from petition.embedded.children import POLITE, birthmark, end
from petition.embedded.postgres import Postgres
from petition.embedded.stack import Record

ENGINES = ("postgres", "valkey", "mailbox")


def sweep(record: Record) -> None:
    """End the recorded processes that still run, the engines last, and clear the record."""
    processes = record.read().get("processes", [])
    programs = [process for process in processes if process["name"] not in ENGINES]
    engines = [process for process in processes if process["name"] in ENGINES]
    for group in (programs, engines):
        with ThreadPoolExecutor(max(len(group), 1)) as pool:
            list(pool.map(_end, group))
    record.clear()


def _end(process: dict[str, Any]) -> None:
    steps = Postgres.steps if process["name"] == Postgres.name else POLITE
    end(process["pid"], _gone(process["pid"], process["birthmark"]), steps)


def _gone(pid: int, mark: str | None) -> Callable[[], bool]:
    return lambda: mark is None or birthmark(pid) != mark
