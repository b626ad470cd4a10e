"""`petition backup …`: what it prints, its exit codes, and a drill that is interrupted."""

import json
import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.factories import make_petition, make_signature
from support.settings import ROOT, environment
from support.waiting import wait_for

from petition.backups import scratch
from petition.backups.cli import backup
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.personal import self_service
from petition.team.models import AuditEvent

# Each lists the scratch databases of the server, which the tests share.
pytestmark = pytest.mark.xdist_group("drill")


@pytest.fixture
def run(app):
    """Return a function that runs a command and returns its result."""

    def run_command(*arguments):
        provider = AppProvider(lambda: nullcontext(app))
        return CliRunner().invoke(backup, [*map(str, arguments)], obj=provider)

    return run_command


@pytest.fixture
def withdrawn(app):
    signature = make_signature(make_petition())
    confirm_signature(signature)
    self_service.withdraw(signature)
    db.session.commit()
    return signature


def test_the_journal_is_printed_or_appended_to_a_file(run, withdrawn, tmp_path):
    assert json.loads(run("journal").stdout)["act"] == "withdrawn"
    file = tmp_path / "j"
    assert run("journal", file).stdout.startswith("1 entries appended")
    assert run("journal", file).stdout.startswith("0 entries appended")
    assert run("journal", tmp_path).exit_code == 2, "a folder"
    withdrawn.updates = True
    self_service.set_updates(withdrawn, False)
    db.session.commit()
    assert "cannot be written" in run("journal", tmp_path / "none" / "j").output


def test_the_step_after_a_restore_wants_the_journal_and_is_audited(run, app, withdrawn, tmp_path, monkeypatch):
    ended = run("restored")
    assert ended.exit_code == 1
    assert "which erasure journal? Give --journal FILE or set PETITION_JOURNAL" in " ".join(ended.output.split())
    with monkeypatch.context() as lost:
        lost.setitem(app.config, "PETITION_JOURNAL", tmp_path / "lost")
        ended = run("restored")
    assert ended.exit_code == 1
    assert "lost (PETITION_JOURNAL) does not exist; give --journal FILE" in " ".join(ended.output.split())
    assert run("restored", "--journal", tmp_path / "none").exit_code == 1
    assert "No journal was replayed." in run("restored", "--without-journal").stdout
    run("journal", tmp_path / "j")
    db.session.execute(db.text("DELETE FROM erasure_journal"))
    db.session.execute(db.text("UPDATE signatures SET state = 'confirmed', ended_at = NULL"))
    db.session.commit()
    ended = run("restored", "--journal", tmp_path / "j")
    assert "Journal: 1 entries, 1 later than the backup; rows changed: withdrawn 1." in ended.stdout
    db.session.expire_all()
    assert db.session.query(Signature).one().state == "withdrawn"
    event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert event.action == "database.restored"
    assert event.after["withdrawn"] == 1


@pytest.mark.slow
def test_a_drill_has_the_exit_codes_of_monitoring(run, withdrawn, tmp_path):
    ended = run("drill")
    assert ended.exit_code == 1, ended.output
    assert "No erasure journal" in ended.stdout
    run("journal", tmp_path / "j")
    ended = run("drill", "--journal", tmp_path / "j")
    assert ended.exit_code == 0, ended.output
    assert "nobody comes back" in ended.stdout
    db.session.execute(db.text("UPDATE signatures SET state = 'confirmed', ended_at = NULL"))
    db.session.commit()
    ended = run("drill", "--journal", tmp_path / "j")
    assert ended.exit_code == 2
    assert "Wrong: the journal says withdrawn" in ended.stdout
    assert run("drill", "--into", "mysql://x").exit_code == 1


@pytest.mark.slow
def test_an_interrupted_drill_leaves_no_database(app, database_url, redis_url, tmp_path):
    """A real process, ended by SIGTERM while pg_restore works."""
    for name, body in (("pg_dump", 'for f; do case $f in --file=*) : > "${f#--file=}";; esac; done'),
                       ("pg_restore", f"touch {tmp_path}/begun; sleep 60")):  # fmt: skip
        script = f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) 18.0" && exit\n{body}\n'
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    environ = environment(database_url, redis_url, PATH=f"{tmp_path}:/usr/bin:/bin")
    command = [sys.executable, "-m", "petition.cli", "backup", "drill"]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            wait_for(lambda: (tmp_path / "begun").exists() or process.poll() is not None, 60, "pg_restore")
            assert process.poll() is None, process.stdout.read()
            assert names(database_url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) != 0
        finally:
            process.kill()
    assert names(database_url) == []


def names(url):
    with scratch.connect(url) as connection:
        return connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'petition_drill_'").fetchall()
