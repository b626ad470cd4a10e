"""The erasure journal: one entry in the transaction of each act, appended to a file without personal data."""

import json
from datetime import timedelta

import pytest
from flask import current_app
from support.factories import make_petition, make_signature

from petition.backups import journal, tasks
from petition.backups.models import Act, JournalEntry
from petition.core import clock
from petition.core.db import db
from petition.signatures.confirm import disown, restore
from petition.signatures.personal import self_service


@pytest.fixture
def file(app, tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    monkeypatch.setitem(app.config, "PETITION_JOURNAL", path)
    return path


def acts():
    return [entry.act for entry in db.session.query(JournalEntry).order_by(JournalEntry.id)]


def test_each_act_of_a_signer_has_an_entry_in_its_transaction(app):
    signature = make_signature(make_petition(passes_on_to="X"), state="confirmed", updates=True, listed=True)
    self_service.set_passed_on(signature, True)
    self_service.set_passed_on(signature, False)
    self_service.set_passed_on(signature, False)
    self_service.set_updates(signature, False)
    self_service.set_updates(signature, False)  # nothing changes, nothing is noted
    self_service.update_details(signature, {"profession": "Juge"})
    disown(signature)
    restore(signature)
    self_service.withdraw(signature)
    db.session.commit()
    self_service.erase(signature)
    assert acts() == ["not_shared", "unsubscribed", "unlisted", "disowned", "put_back", "withdrawn", "erased"]
    db.session.rollback()
    assert acts()[-1] == "withdrawn", "an act that is not committed has no entry"


def test_a_pending_signature_that_is_disowned_has_an_entry(app):
    disown(make_signature(make_petition()))
    assert acts() == ["disowned"]


def test_the_worker_appends_entries_once_and_says_no_name(file):
    signature = make_signature(make_petition(), state="confirmed", name="Zoé Martin")
    tasks.run_write_journal()
    assert file.read_bytes() == b"", "an empty file says that the journal is kept"
    self_service.withdraw(signature)
    db.session.commit()
    tasks.run_write_journal()
    tasks.run_write_journal()
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["act"] == "withdrawn"
    assert not any(word in line.lower() for word in ("zo", "martin", "example.org"))
    assert journal.parse_journal(file.read_bytes()).entries == journal.list_all()
    assert file.stat().st_mode & 0o777 == 0o600
    assert journal.read_lag() == (0, 0.0)


def test_a_file_that_cannot_be_written_makes_entries_wait(file, monkeypatch, tmp_path):
    file.mkdir()
    self_service.withdraw(make_signature(make_petition(), state="confirmed"))
    db.session.commit()
    tasks.run_write_journal()
    db.session.query(JournalEntry).update({"at": clock.now() - timedelta(minutes=5)})
    lag = journal.read_lag()
    assert lag.waiting == 1
    assert 299 < lag.seconds < 310
    monkeypatch.setitem(current_app.config, "PETITION_JOURNAL", tmp_path / "other")
    tasks.run_write_journal()
    assert journal.read_lag().waiting == 0


def test_a_broken_last_line_costs_itself_alone(file):
    signature = make_signature(make_petition(), state="confirmed", updates=True)
    self_service.set_updates(signature, False)
    db.session.commit()
    tasks.run_write_journal()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])  # the disk was full in the middle of a line
    found = journal.parse_journal(file.read_bytes())
    assert (len(found.entries), found.broken_lines) == (1, [2])
    self_service.withdraw(signature)
    db.session.commit()
    tasks.run_write_journal()
    found = journal.parse_journal(file.read_bytes())
    assert ([entry.act for entry in found.entries], found.broken_lines) == (["unsubscribed", "withdrawn"], [2])


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[]", b"1", b"\xff\xfe",
     b'{"id":1,"act":"eaten","subject_hash":"x","address_hash":null,"at":"2026-01-01T00:00+00:00"}',
     b'{"id":1,"act":"erased","subject_hash":"x","address_hash":null,"at":"2026-01-01T00:00"}'],
)  # fmt: skip
def test_a_line_that_is_no_entry_is_left_out_and_said(line):
    found = journal.parse_journal(line + b"\n")
    assert (found.entries, found.broken_lines) == ([], [1])


def test_lines_are_written_whole_in_one_order(tmp_path):
    entry = journal.Entry(7, Act.ERASED, "a" * 32, None, clock.now())
    later = entry._replace(id=8, at=entry.at + timedelta(seconds=1))
    journal.append_entries(tmp_path / "j", [later, entry])
    journal.append_entries(tmp_path / "j", [entry])
    assert journal.parse_journal((tmp_path / "j").read_bytes()).entries == [entry, later]
