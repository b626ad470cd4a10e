"""What processes write: lines in the log's own format, which say what started, with its version, and what stopped."""

import json
import signal
from importlib.metadata import version

import pytest
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("faults")]


def read_lines(app_processes, name):
    lines = app_processes.log(name).read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")], [
        line for line in lines if line and not line.startswith("{")
    ]


def test_workers_and_beat_say_what_they_are_and_libraries_say_nothing(app_processes):
    app_processes.environ["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser privileges"
    app_processes.worker("confirmations,mailings")
    app_processes.beat()
    wait_for(lambda: any("started" in str(line) for line in read_lines(app_processes, "beat")[0]), 60, "beat's line")
    app_processes.end("worker", signal.SIGTERM)
    lines, others = read_lines(app_processes, "worker")
    assert others == []
    (started,) = [line for line in lines if line["event"] == "worker started"]
    assert (started["queues"], started["version"]) == (["confirmations", "mailings"], version("petition"))
    assert any(line["event"] == "worker stopped" for line in lines)
    started = [line for line in read_lines(app_processes, "beat")[0] if line["event"] == "beat started"]
    assert [line["version"] for line in started] == [version("petition")]
