"""The drill: dump, restore, compare, replay, remove; on a real server."""

import time

import pytest
from support.factories import make_petition, make_signature

from petition.backups import compare, drill, journal, pg_tools, scratch
from petition.backups.models import JournalEntry
from petition.core.db import db
from petition.petitions.counters import increment
from petition.signatures.confirm import confirm_signature
from petition.signatures.personal import self_service

KEY = "k"

# Each lists the scratch databases of the server, which the tests share.
pytestmark = pytest.mark.xdist_group("drill")


@pytest.fixture
def url(app):
    return app.config["DATABASE_URL"]


@pytest.fixture
def signatures(app):
    petition = make_petition()
    rows = [make_signature(petition, email=f"{name}@example.org", updates=True) for name in ("a", "b", "c")]
    for row in rows:
        confirm_signature(row)
    db.session.commit()
    return rows


def scratch_names(url):
    with scratch.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'drill'")]


def run(url, entries=(), **options):
    steps = []
    report = drill.run_drill(url, entries, **{"into": None, "dump": None, **options}, say=steps.append)
    return report, steps


def test_a_drill_finds_everything_equal_and_leaves_nothing(url, signatures):
    self_service.withdraw(signatures[0])
    db.session.commit()
    report, steps = run(url, journal.list_all())
    assert report.problems == []
    assert report.restored.tables["signatures"].rows == 3
    assert report.restored.tables["signatures"].latest_id == signatures[2].id
    assert (report.replayed.entries, report.replayed.missing) == (1, 0)
    assert steps == ["Dumping", "Restoring into a scratch database", "Comparing", "Replaying the journal"]
    assert scratch_names(url) == []


def test_an_entry_whose_effect_is_missing_is_a_problem(url, signatures):
    """As after a restore without the journal: the entries are on file, and the people are back."""
    self_service.withdraw(signatures[0])
    db.session.commit()
    entries = journal.list_all()
    db.session.execute(db.text("UPDATE signatures SET state = 'confirmed', ended_at = NULL"))
    increment(signatures[0].petition_id, signatures[0].id, "person", +1)
    db.session.commit()
    report, _steps = run(url, entries)
    assert report.problems == ["the journal says withdrawn, and the backup says otherwise: 1"]


@pytest.mark.slow
def test_consent_to_be_passed_on_that_came_back_is_a_problem(url, app):
    signature = make_signature(make_petition(passes_on_to="X"), passed_on=True)
    confirm_signature(signature)
    self_service.set_passed_on(signature, False)
    db.session.commit()
    entries = journal.list_all()
    assert run(url, entries)[0].problems == []
    signature.passed_on = True
    db.session.commit()
    assert run(url, entries)[0].problems == ["the journal says not_shared, and the backup says otherwise: 1"]


@pytest.mark.slow
def test_counters_that_differ_are_a_problem(url, signatures):
    increment(signatures[0].petition_id, signatures[0].id, "person", +1)
    db.session.commit()
    assert run(url)[0].problems == ["petitions whose counters differ from their rows: 1"]


@pytest.mark.slow
def test_an_older_backup_is_restored_and_replayed(url, signatures, tmp_path):
    dump = tmp_path / "old.dump"
    pg_tools.find_tools(18).run("pg_dump", "--format=custom", f"--file={dump}", url=url)
    self_service.withdraw(signatures[0])
    self_service.erase(signatures[1])
    db.session.commit()
    report, steps = run(url, journal.list_all(), dump=dump)
    assert report.problems == []
    assert report.replayed.missing == 2
    assert {str(act): n for act, n in report.replayed.changed.items() if n} == {"withdrawn": 1, "erased": 1}
    assert "Dumping" not in steps
    assert db.session.query(JournalEntry).count() == 2, "the original is as it was"


def test_differences_are_named(url, signatures):
    with scratch.connect(url) as connection:
        before = compare.take_fingerprint(connection, KEY)
        connection.execute("UPDATE signatures SET city = 'Lyon' WHERE id = %s", (signatures[0].id,))
        connection.execute("DELETE FROM deliveries WHERE subject_id = %s", (signatures[0].id,))
        connection.execute("CREATE INDEX ix_of_the_test ON deliveries (kind)")
        try:
            found = before.differences(compare.take_fingerprint(connection, KEY))
        finally:
            connection.execute("DROP INDEX ix_of_the_test")
    assert "table deliveries: 3 rows became 2" in found
    assert "table signatures: as many rows, with other values" in found
    assert any(line.startswith("indexes:") for line in found)


def test_a_sequence_that_is_behind_is_found(url, signatures):
    with scratch.connect(url) as connection:
        fingerprint = compare.take_fingerprint(connection, KEY)
        assert compare.find_reused_ids(connection, fingerprint) == []
        connection.execute("SELECT setval(pg_get_serial_sequence('signatures', 'id'), 1)")
        assert compare.find_reused_ids(connection, fingerprint) == ["signatures"]


def test_the_scratch_database_goes_when_the_drill_fails(url, signatures, monkeypatch):
    def fail(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(drill, "_compare", fail)
    with pytest.raises(KeyboardInterrupt):
        run(url)
    assert scratch_names(url) == []


def test_what_a_killed_drill_left_goes_a_day_later(url, app):
    old, new = f"petition_drill_{int(time.time()) - 90_000}_1", f"petition_drill_{int(time.time())}_1"
    with scratch.connect(url) as connection:
        for name in (old, new):
            connection.execute(f"CREATE DATABASE {name}")
    try:
        with scratch.scratch_database(url):
            assert old not in scratch_names(url)
            assert new in scratch_names(url)
    finally:
        with scratch.connect(url) as connection:
            connection.execute(f"DROP DATABASE {new}")
    assert scratch_names(url) == []


def test_missing_and_older_tools_are_said_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(pg_tools, "_candidates", lambda: iter([]))
    with pytest.raises(pg_tools.ToolError, match="not installed: install postgresql-client-18"):
        pg_tools.find_tools(18)
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 15.4 (Debian 15.4-1)'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(pg_tools, "_candidates", lambda: iter([tmp_path]))
    with pytest.raises(pg_tools.ToolError, match=r"^pg_dump 15 is older than the server \(18\): install"):
        pg_tools.find_tools(18)
    assert pg_tools.find_tools(14).version == 15


def test_a_role_that_may_not_create_databases_is_told_how(url, app):
    with scratch.connect(url) as connection:
        connection.execute("CREATE ROLE modest LOGIN")
        try:
            with (
                pytest.raises(pg_tools.ToolError, match="ALTER ROLE modest CREATEDB"),
                scratch.scratch_database(url.replace("petition@", "modest@")),
            ):
                pass
        finally:
            connection.execute("DROP ROLE modest")


def test_a_server_that_does_not_answer_is_one_line():
    with pytest.raises(pg_tools.ToolError, match="cannot be reached"):
        scratch.connect("postgresql+psycopg://nobody@/x?host=/nonexistent")
