"""`petition worker-health` asks the worker of a queue on this host, by whatever broker BROKER_URL names."""

import subprocess
import sys

import pytest
from support.settings import ROOT, environment

from petition.cli import main
from petition.operations.workers.worker_health import check_worker


def run(database_url, redis_url, **settings):
    environ = environment(database_url, redis_url, PATH="/usr/bin:/bin", PYTHONPATH=str(ROOT), **settings)
    command = [sys.executable, "-m", "petition.cli", "worker-health", "maintenance"]
    return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_no_worker_is_one_line(database_url, redis_url):
    ended = run(database_url, redis_url)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("petition: maintenance@")
    assert ended.stderr.endswith(" does not answer\n")


@pytest.mark.slow
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:s3cret@127.0.0.1:1//"])
def test_broker_that_is_gone_is_one_line_without_its_password(database_url, redis_url, url):
    ended = run(database_url, redis_url, BROKER_URL=url)
    assert ended.returncode == 1
    assert ended.stderr.startswith("petition: the broker does not answer: ")
    assert (len(ended.stderr.splitlines()), "s3cret" in ended.stderr) == (1, False)


@pytest.mark.slow
def test_the_application_is_not_loaded(monkeypatch):
    code = f"import sys; sys.argv = ['petition', 'worker-health', 'mailings']; from {main.__module__} import main"
    code += "\ntry:\n    main()\nexcept SystemExit:\n    print([m for m in sys.modules if m == 'petition.app'])"
    environ = environment("postgresql://127.0.0.1:1/p", "redis://127.0.0.1:1/0", PATH="/usr/bin:/bin")
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"


def test_a_worker_that_answers_is_healthy(redis_url, monkeypatch):
    class Control:
        def ping(self, names, **_):
            return [{names[0]: {"ok": "pong"}}]

    monkeypatch.setattr("celery.Celery.control", Control())
    assert check_worker(redis_url, "mailings") is None
