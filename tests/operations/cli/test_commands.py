"""`petition queue`, `bounces` and `suppressions`: output, JSON keys, exit codes."""

import json
import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from flask import current_app
from rich.console import Console
from sqlalchemy import func, select, update
from support.factories import make_petition, make_signature

from petition.commands import database
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.models import Attempt, Delivery
from petition.delivery.suppressions import suppression_list
from petition.operations.cli.bounces import bounces
from petition.operations.cli.output import render_queues, render_status
from petition.operations.cli.queue import queue
from petition.operations.cli.suppressions import suppressions
from petition.operations.health.evaluation import evaluate_health
from petition.operations.models import Heartbeat
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import take_snapshot
from petition.team.models import AuditEvent


@pytest.fixture
def run(app):
    """Return a function that runs a command and returns its result."""

    def run_command(command, *arguments):
        provider = AppProvider(lambda: nullcontext(app))
        return CliRunner().invoke(command, arguments, obj=provider, catch_exceptions=False)

    return run_command


def test_status_has_the_documented_keys(run):
    make_signature(make_petition())
    report = json.loads(run(queue, "--json").stdout)
    assert set(report) == {
        "at", "status", "oldest_confirmation", "waiting", "reasons", "queues", "latency", "workers",
        "seconds_since_beat", "broker", "bounce_mailbox", "mail_server", "reconciliation", "providers", "failures",
        "warnings", "webhooks",
    }  # fmt: skip
    assert report["status"] == "stuck", "no worker runs in this test"
    assert set(report["reasons"][0]) == {"status", "message", "runbook"}
    confirmations = report["queues"]["confirmations"]
    assert confirmations["due"] == 1
    assert {"oldest", "next_at", "seconds_to_empty", "paused", "workers"} <= set(confirmations)


def test_check_exits_with_the_status(run):
    result = run(queue, "check")
    assert result.exit_code == 2
    assert result.stdout.startswith("PETITION CRITICAL - No worker takes the queues confirmations, ")
    assert set(json.loads(run(queue, "check", "--json").stdout)) == {
        "status",
        "oldest_confirmation",
        "waiting",
        "reasons",
    }


def test_queue_table_fits_80_columns(app):
    signature = make_signature(make_petition())
    failure = {"state": "failed", "cause": "550 5.1.1", "domain": "orange.fr", "tried_at": func.now()}
    db.session.execute(update(Delivery).where(Delivery.subject_id == signature.id).values(**failure))
    db.session.commit()
    snapshot, broker = take_snapshot(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"])
    console = Console(width=80, record=True)
    console.print(render_queues(snapshot))
    lines = console.export_text().splitlines()
    assert len(lines) == 1 + len(snapshot.queues), "no line wraps"
    assert all("…" not in line for line in lines)
    console.print(render_status(snapshot, broker, evaluate_health(snapshot.facts, broker)))
    assert "5.1.1" in console.export_text()


def test_status_says_the_cause_before_who_waits(run):
    make_signature(make_petition())
    lines = run(queue, "status").stdout.splitlines()
    assert lines[0].startswith("STUCK  No worker takes the queues")
    waiting = next(number for number, line in enumerate(lines) if "1 wait for a link" in line)
    assert 0 < waiting < next(number for number, line in enumerate(lines) if line.startswith("queue"))


def test_status_names_the_process_of_each_worker_and_says_which_is_silent(run):
    worker = {"part": "worker", "queues": ["confirm"], "version": "1", "threads": 4}
    # One hour ahead: it stays fresh on a machine that is too busy to read it at once.
    for host, pid, age in (("here", 17, timedelta(hours=-1)), ("there", 18, timedelta(hours=1))):
        seen = func.now() - age
        db.session.add(Heartbeat(name=f"confirm@{pid}", host=host, pid=pid, seen_at=seen, **worker))
    db.session.commit()
    text = run(queue, "status").stdout
    assert "confirm here/17: confirm; 0 in flight, 4 threads\n" in text
    assert "confirm there/18: confirm; 0 in flight, 4 threads, silent for 1 h" in " ".join(text.split())


def test_pause_and_resume_have_an_audit_event(run):
    assert run(queue, "pause", "mailings", "--reason", "the provider asked").exit_code == 0
    assert json.loads(run(queue, "resume", "mailings", "--json").stdout)["was_paused"]
    assert "was not paused" in run(queue, "resume", "mailings").stdout
    events = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert events == ["queue.paused", "queue.resumed"]


def test_retry_makes_failed_emails_due(run):
    make_signature(make_petition())
    db.session.execute(update(Delivery).values(state="failed", cause="550", settled_at=func.now(), attempt=3))
    db.session.commit()
    assert run(queue, "retry").exit_code == 1, "without a filter it must ask for one"
    result = json.loads(run(queue, "retry", "--queue", "confirmations", "--yes", "--json").stdout)
    assert (result["total"], result["done"]) == (1, 1)
    db.session.expire_all()
    delivery = db.session.query(Delivery).one()
    assert (delivery.state, delivery.attempt, delivery.settled_at, delivery.cause) == ("due", 0, None, "")


def test_bounces_are_imported_and_listed(run, tmp_path):
    message = tmp_path / "bounce.eml"
    message.write_bytes(b"Subject: hello\r\n\r\ntext")
    assert "not_understood" in run(bounces, "import", str(message)).stdout
    (row,) = json.loads(run(bounces, "list", "--json").stdout)
    assert (row["kind"], row["source"]) == ("not_understood", "terminal")
    assert "not_understood" in run(bounces, "list").stdout


def test_suppressions_are_added_checked_and_removed(run, tmp_path):
    assert run(suppressions, "check", "zoe@example.org").exit_code == 1
    assert run(suppressions, "add", "zoe", "--reason", "asked").exit_code == 1
    assert run(suppressions, "add", "zoe@example.org", "--reason", "asked").exit_code == 0
    assert json.loads(run(suppressions, "check", "zoe@example.org", "--json").stdout)["reason"] == "asked"
    assert run(suppressions, "remove", "zoe@example.org", "--reason", "a mistake").exit_code == 0
    assert run(suppressions, "remove", "zoe@example.org", "--reason", "a mistake").exit_code == 1
    addresses = tmp_path / "list.csv"
    addresses.write_text("email;name\na@example.org;A\nnot an address\n")
    assert "nothing was added" in run(suppressions, "import", str(addresses), "--dry-run").stdout
    assert suppression_list.find_by_address("a@example.org") is None
    assert "1 added" in run(suppressions, "import", str(addresses)).stdout
    assert json.loads(run(suppressions, "count", "--json").stdout) == {"imported": 1}


def test_reconcile_and_id_skipping_have_an_audit_event(run, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "ada")
    assert run(queue, "reconcile").exit_code == 0
    assert run(database, "skip-ids").exit_code == 0
    events = db.session.query(AuditEvent).order_by(AuditEvent.id).all()
    assert [event.action for event in events] == ["statistics.reconciled", "database.ids_skipped"]
    assert all("(sudo by ada)" in event.actor for event in events)


def test_status_has_one_line_for_each_pause(run):
    for scope in ("all", "mailings"):
        run(queue, "pause", scope, "--reason", "a holiday")
    paused = [line.split()[1] for line in run(queue, "status").stdout.splitlines() if line.startswith("paused ")]
    assert paused == ["all:", "mailings:"]


def test_resume_says_what_stays_paused(run):
    for scope in ("all", "mailings"):
        run(queue, "pause", scope, "--reason", "restored")
    assert "mailings: still paused (restored)" in run(queue, "resume", "all").stdout
    assert json.loads(run(queue, "resume", "all", "--json").stdout)["still_paused"] == ["mailings"]


def test_retry_of_everything_leaves_out_unknown_outcomes(run):
    make_signature(make_petition())
    db.session.execute(update(Delivery).values(state="unknown", cause="worker died"))
    db.session.commit()
    assert run(queue, "retry", "--all", "--yes").exit_code == 1
    asked = run(queue, "retry", "--state", "unknown", "--yes")
    assert asked.stdout.index("gets it twice") < asked.stdout.index("For example:")
    assert asked.exit_code == 0


@pytest.mark.parametrize("command", [("failures",), ("status",)])
def test_cause_and_domain_are_printed_whole_to_a_pipe_of_80_columns(run, command):
    cause, domain = "550 5.7.1 " + "c" * 60, f"{'d' * 60}.{'e' * 60}.example.org"
    make_signature(make_petition())
    db.session.execute(update(Delivery).values(state="failed", cause=cause, domain=domain, tried_at=func.now()))
    db.session.commit()
    shown = run(queue, *command).stdout
    assert f"--cause '{cause}' --domain {domain}" in shown
    found = run(queue, "failures", "--cause", cause, "--domain", domain)
    assert domain in found.stdout


def test_emails_are_selected_by_time_worker_and_attempts(run):
    petition = make_petition()
    for number in range(4):
        make_signature(petition, email=f"s{number}@example.org")
    ids = list(db.session.scalars(select(Delivery.id).order_by(Delivery.id)))
    db.session.execute(update(Delivery).values(state="failed", cause="550", tried_at=func.now(), attempt=1))
    old = {"tried_at": func.now() - timedelta(days=8), "attempt": 15}
    db.session.execute(update(Delivery).where(Delivery.id == ids[0]).values(**old))
    db.session.add(Attempt(delivery_id=ids[1], worker="mail-2/77/3", ended_at=func.now(), state="failed"))
    db.session.commit()
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M}"

    def count(*options):
        """Return how many emails the command would change; its question is answered by no."""
        return int(re.match(r"(\d+) email", run(queue, "discard", *options).stdout)[1])

    assert count("--age", "dead") == count("--until", yesterday) == count("--attempts", "15") == 1
    assert count("--age", "recent") == count("--since", yesterday) == 3
    assert count("--worker", "mail-2/77") == count("--worker", "mail-2/77/3") == 1
    assert run(queue, "discard", "--since", "tomorrow").output.startswith("petition: --since: not a time")
    done = json.loads(run(queue, "discard", "--age", "dead", "--yes", "--json").stdout)
    assert (done["total"], done["done"]) == (1, 1)
