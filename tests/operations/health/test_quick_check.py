"""`petition queue check` without the application, and `/ops/check`: the same line, also without the database."""

import json
import socket
import subprocess
import sys
import time

import pytest
from flask import current_app
from support.factories import make_petition, make_signature
from support.heartbeats import record_lasting_heartbeat
from support.settings import ROOT, environment

from petition.cli import parse_check
from petition.core.db import db
from petition.operations.health import quick_check
from petition.operations.health.evaluation import evaluate_health
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import read_facts

TOKEN = {"Authorization": "Bearer a token of some length"}


@pytest.fixture
def run_check(database_url, redis_url):
    """Return a function that runs the command as a process, with other settings if given."""

    def run(*arguments, **settings):
        environ = environment(database_url, redis_url, PATH="/usr/bin:/bin", **settings)
        command = [sys.executable, "-m", "petition.cli", "queue", "check", *arguments]
        return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_command_says_what_the_page_says(app, run_check):
    make_signature(make_petition())
    record_lasting_heartbeat("worker", "w", ["confirmations", "notifications", "mailings", "maintenance", "webhooks"])
    db.session.commit()
    health = evaluate_health(read_facts(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"]))
    ended = run_check()
    assert ended.returncode == health.exit_code == 1
    assert ended.stdout.startswith("PETITION WARNING - Beat is silent")
    assert ended.stdout.rstrip().endswith("waiting=1")
    assert len(ended.stdout.splitlines()) == 1
    assert json.loads(run_check("--json").stdout)["waiting"] == 1


def test_database_that_refuses_connections_is_one_critical_line(run_check):
    ended = run_check(DATABASE_URL="postgresql://127.0.0.1:1/petition")
    assert (ended.returncode, len(ended.stdout.splitlines()), ended.stderr) == (2, 1, "")
    assert ended.stdout.startswith("PETITION CRITICAL - The database does not answer: ")


def test_suspended_database_is_one_critical_line_within_five_seconds(run_check):
    started = time.monotonic()
    run_check(DATABASE_URL="postgresql://127.0.0.1:1/petition")  # refused at once: what the command itself takes here
    command = time.monotonic() - started
    with socket.create_server(("127.0.0.1", 0)) as server:  # its kernel accepts, and nobody answers
        started = time.monotonic()
        ended = run_check(DATABASE_URL=f"postgresql://127.0.0.1:{server.getsockname()[1]}/petition")
    assert time.monotonic() - started < 5 + 3 * command
    assert (ended.returncode, len(ended.stdout.splitlines()), ended.stderr) == (2, 1, "")


def test_bad_setting_is_unknown(run_check):
    ended = run_check(PETITION_STUCK_AFTER="soon")
    assert ended.returncode == 3
    assert ended.stdout.startswith("PETITION UNKNOWN - PETITION_STUCK_AFTER must be")


def test_command_loads_neither_the_application_nor_sqlalchemy():
    heavy = "{'flask', 'sqlalchemy', 'celery', 'kombu', 'babel', 'rich'}"
    program = f"import petition.cli, sys; print(*({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_only_the_plain_check_is_answered_at_once():
    assert parse_check(["queue", "check"])[1] is False
    assert parse_check(["--data", "x", "queue", "check", "--json"])[1] is True
    assert str(parse_check(["--data=y", "queue", "check"])[0]) == "y"
    for arguments in ([], ["queue"], ["queue", "check", "--help"], ["--data"]):
        assert parse_check(arguments) is None


def test_page_for_monitors_has_the_same_line(client, app, monkeypatch):
    assert client.get("/ops/check").status_code == 403
    monkeypatch.setitem(app.config, "PETITION_METRICS_TOKEN", "a token of some length")
    answer = client.get("/ops/check", headers=TOKEN)
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")
    assert answer.text.startswith("PETITION CRITICAL - No worker takes the queues confirmations, ")
    assert "Set-Cookie" not in answer.headers
    record_lasting_heartbeat("worker", "w", ["confirmations", "notifications", "mailings", "maintenance", "webhooks"])
    record_lasting_heartbeat("beat", "b")
    db.session.commit()
    answer = client.get("/ops/check", headers=TOKEN)
    assert (answer.status_code, answer.text.startswith("PETITION OK - mail flows.")) == (200, True)
    monkeypatch.setitem(app.config, "DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/petition")
    answer = client.get("/ops/check", headers=TOKEN)
    assert (answer.status_code, "The database does not answer" in answer.text) == (503, True)


def test_outage_of_several_lines_is_one(app):
    assert quick_check.make_outage("one\ntwo").line == "PETITION CRITICAL - One two"
