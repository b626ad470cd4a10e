"""What was anonymised since a backup is anonymised again once the backup is restored."""

import pytest
from support.factories import make_mailing, make_petition, make_signature
from support.retention import Backup, Clock, anonymise_all, close_long_ago, find_texts

from petition.backups import journal
from petition.backups.models import JournalEntry
from petition.backups.replay import finish_replay, replay
from petition.core.db import db
from petition.petitions.models import Petition
from petition.retention import anonymise
from petition.retention.anonymise import anonymise_batch
from petition.retention.models import PetitionRetention
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.staff.restriction import restrict


@pytest.fixture
def travel(app, monkeypatch):
    monkeypatch.setattr(anonymise, "BATCH_SIZE", 2)
    return Clock(monkeypatch)


@pytest.fixture
def petition(travel):
    petition = make_petition()
    for number in "abcde":
        confirm_signature(make_signature(petition, email=f"{number}@example.org"))
    close_long_ago(petition)
    return petition


def run(entries):
    """Replay entries as `petition backup restored` does, and return what it changed."""
    report = replay(db.session.connection(), entries)
    db.session.commit()
    finish_replay(entries)
    db.session.expire_all()
    return {str(act): n for act, n in report.changed.items() if n}


def test_it_is_anonymised_again_at_once_and_once(petition, travel):
    other = make_petition(slug="verger")
    confirm_signature(make_signature(other, email="other@example.org"))
    backup = Backup()
    anonymise_all(travel)
    entries = journal.list_all()
    assert [entry.act for entry in entries] == ["anonymised"]
    backup.restore()
    assert find_texts(["Zoé Martin"])
    assert run(entries) == {"anonymised": 1}
    assert [row.name for row in db.session.query(Signature).order_by(Signature.id)] == [""] * 5 + ["Zoé Martin"]
    restored = db.session.get(Petition, petition.id)
    assert (restored.state, restored.anonymised_at) == ("closed", entries[0].at)
    assert db.session.get(PetitionRetention, petition.id).finished_at is not None
    assert db.session.get(Petition, other.id).anonymised_at is None
    assert run(entries) == {}, "twice is harmless"
    assert db.session.query(JournalEntry).count() == 1


def test_a_mailing_that_was_under_way_on_the_day_of_the_backup_delays_nothing(petition, travel):
    mailing = make_mailing(petition)
    mailing.state = "sending"
    backup = Backup()
    mailing.state = "cancelled"
    db.session.commit()
    anonymise_all(travel)
    entries = journal.list_all()
    backup.restore()
    run(entries)
    assert find_texts(["Zoé Martin"]) == []


def test_it_goes_on_where_it_was_interrupted(petition, travel):
    backup = Backup()
    anonymise_all(travel)
    entries = journal.list_all()
    backup.restore()
    replay(db.session.connection(), entries)
    db.session.commit()
    assert anonymise_batch(petition.id, after_restore=True)
    assert find_texts(["Zoé Martin"])
    assert run(entries) == {}
    assert find_texts(["Zoé Martin"]) == []


def test_what_was_restricted_since_the_backup_is_kept_back_again(petition, travel):
    backup = Backup()
    restrict(db.session.get(Signature, 3))
    db.session.commit()
    anonymise_all(travel)
    entries = journal.list_all()
    backup.restore()
    assert run(entries) == {"anonymised": 1, "restricted": 1}
    assert [row.id for row in db.session.query(Signature).filter(Signature.name != "")] == [3]
    assert db.session.get(PetitionRetention, petition.id).kept_back == [3]


def test_the_petition_is_closed_at_the_time_of_the_entry_if_the_backup_has_it_open(petition, travel):
    petition.state, petition.closed_at = "open", None
    backup = Backup()
    close_long_ago(petition)
    anonymise_all(travel)
    entries = journal.list_all()
    backup.restore()
    run(entries)
    assert db.session.get(Petition, petition.id).state_now == "closed"
    assert find_texts(["Zoé Martin"]) == []
