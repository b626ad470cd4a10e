"""The processes of the application itself: web, workers and beat."""

import http.client
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# No folder of the moment's comes before the installed modules: a stray config.py there is not ours.
PYTHON_COMMAND = (sys.executable, "-P", "-m")
# Celery advises against root; on one machine that is for its owner to choose.
IGNORE_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"
PREPARE_COMMAND = (*PYTHON_COMMAND, "petition.cli", "db", "prepare")
WORKER_QUEUES = {"confirmations": "confirmations", "rest": "notifications,maintenance", "mailings": "mailings"}


@dataclass(frozen=True)
class AppProcess:
    """A process by name: its command, and how to see that it is ready."""

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool] = lambda: True


def list_processes(data: Path, port: int) -> list[AppProcess]:
    """Return the web, a worker for confirmations alone, one for mailings alone, one for the rest, and beat."""
    gunicorn = (*PYTHON_COMMAND, "gunicorn", "--config", "python:petition.local_stack.gunicorn_conf")
    web = AppProcess("web", (*gunicorn, "--bind", f"127.0.0.1:{port}", "wsgi:app"), lambda: is_web_ready(port))
    celery = (
        *PYTHON_COMMAND[:-1],
        "-W",
        IGNORE_ROOT_WARNING,
        "-m",
        "celery",
        "--quiet",
        "--workdir",
        str(data),
        "-A",
        "worker",
    )
    workers = [
        AppProcess(
            name,
            (
                *celery, "worker", "-Q", queues, "--pool", "threads", "--concurrency", "4", "-n", f"{name}@{port}",
                "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
            ),
            (ready_folder(data) / name).exists,
        )
        for name, queues in WORKER_QUEUES.items()
    ]  # fmt: skip
    schedule = ("--schedule", str(data / "beat-schedule"), "--pidfile", "", "--loglevel", "WARNING")
    return [web, *workers, AppProcess("beat", (*celery, "beat", *schedule))]


def ready_folder(data: Path) -> Path:
    """Return where each worker leaves a file named like itself once it takes work."""
    return data / "ready"


def is_web_ready(port: int) -> bool:
    """Say whether the web answers that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
