"""The commands of the application's processes: web, workers and beat."""

import http.client
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# -P: modules of the current folder, such as a stray config.py, do not replace the installed ones.
PYTHON_COMMAND = (sys.executable, "-P", "-m")
# Celery warns against running as root; on one machine its owner decides.
IGNORE_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"
PREPARE_COMMAND = (*PYTHON_COMMAND, "petition.cli", "db", "prepare")
WORKER_QUEUES = {
    "confirmations": "confirmations",
    "background": "notifications,maintenance,webhooks",
    "mailings": "mailings",
}


@dataclass(frozen=True)
class AppProcess:
    """A process: its name, its command, and a check that it is ready."""

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool] = lambda: True


def list_processes(data: Path, port: int) -> list[AppProcess]:
    """Return the web, a worker of confirmations only, one of mailings only, one of the other queues, and beat."""
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
    """Return the folder where each worker creates a file of its name once it takes work."""
    return data / "ready"


def is_web_ready(port: int) -> bool:
    """Return whether the web answers that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
