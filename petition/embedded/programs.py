"""The processes of the application itself: web, workers and beat."""

import http.client
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# No folder of the moment's comes before the installed modules: a stray config.py there is not ours.
PYTHON = (sys.executable, "-P", "-m")
# Celery advises against root; on one machine that is for its owner to choose.
AS_ROOT = "ignore:You're running the worker with superuser privileges"
PREPARE = (*PYTHON, "petition.cli", "db", "prepare")
LANES = {"confirmations": "confirmations", "rest": "notices,upkeep", "mailings": "mailings"}


@dataclass(frozen=True)
class Program:
    """A process by name: its command, and how to see that it is ready."""

    name: str
    argv: Sequence[str]
    ready: Callable[[], bool] = lambda: True


def all_of(data: Path, port: int) -> list[Program]:
    """Return the web, a worker for confirmations alone, one for mailings alone, one for the rest, and beat."""
    gunicorn = (*PYTHON, "gunicorn", "--config", "python:petition.embedded.gunicorn_conf")
    web = Program("web", (*gunicorn, "--bind", f"127.0.0.1:{port}", "wsgi:app"), lambda: answers(port))
    celery = (*PYTHON[:-1], "-W", AS_ROOT, "-m", "celery", "--quiet", "--workdir", str(data), "-A", "worker")
    workers = [
        Program(
            name,
            (
                *celery, "worker", "-Q", queues, "--pool", "threads", "--concurrency", "4", "-n", f"{name}@{port}",
                "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
            ),
            (ready_folder(data) / name).exists,
        )
        for name, queues in LANES.items()
    ]  # fmt: skip
    schedule = ("--schedule", str(data / "beat-schedule"), "--pidfile", "", "--loglevel", "WARNING")
    return [web, *workers, Program("beat", (*celery, "beat", *schedule))]


def ready_folder(data: Path) -> Path:
    """Return where each worker leaves a file named like itself once it takes work."""
    return data / "ready"


def answers(port: int) -> bool:
    """Say whether the web answers that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
