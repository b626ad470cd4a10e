"""Replaying the journal on an older state: who left does not come back, who returned since stays, twice is harmless."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.factories import make_petition, make_signature

from petition.backups import journal
from petition.backups.models import JournalEntry
from petition.backups.replay import replay
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.suppressions.suppression_list import find_by_address, hash_address
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature, disown, restore
from petition.signatures.models import Signature
from petition.signatures.personal import self_service
from petition.signatures.request_models import SignRequest


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def go_back(app):
    """Return a function that performs an act, and puts the tables back as a backup from before it would."""
    tables = ("signatures", "petition_counts", "sign_requests", "suppressions", "erasure_journal")

    def perform(act):
        db.session.commit()
        for table in tables:
            db.session.execute(text(f"DROP TABLE IF EXISTS backup_{table}"))
            db.session.execute(text(f"CREATE TABLE backup_{table} AS TABLE {table}"))
        db.session.commit()
        try:
            act()
            db.session.commit()
            entries = journal.list_all()
            for table in tables:
                db.session.execute(text(f"DELETE FROM {table}"))
                db.session.execute(text(f"INSERT INTO {table} SELECT * FROM backup_{table}"))
            db.session.commit()
        finally:
            db.session.rollback()
            for table in tables:
                db.session.execute(text(f"DROP TABLE backup_{table}"))
            db.session.commit()
        db.session.expire_all()
        return entries

    return perform


def confirmed(petition, **values):
    signature = make_signature(petition, **values)
    confirm_signature(signature)
    db.session.commit()
    return signature


def run(entries):
    report = replay(db.session.connection(), entries)
    db.session.commit()
    db.session.expire_all()
    return {str(act): n for act, n in report.changed.items() if n}


def test_an_erased_signature_is_erased_and_uncounted_again(petition, go_back):
    signature, other = confirmed(petition), confirmed(petition, email="other@example.org")
    entries = go_back(lambda: self_service.erase(db.session.get(Signature, signature.id)))
    assert get_count(petition).people == 2
    assert run(entries) == {"erased": 1}
    assert [row.id for row in db.session.query(Signature)] == [other.id]
    assert get_count(petition).people == 1
    assert db.session.query(JournalEntry).count() == 1, "the database knows the entry now"
    assert run(entries) == {}, "twice is harmless"
    assert get_count(petition).people == 1


def test_a_withdrawn_signature_stays_withdrawn_without_an_email(petition, go_back):
    signature = confirmed(petition, updates=True, listed=True)
    entries = go_back(lambda: self_service.withdraw(signature))
    emails = db.session.execute(text("SELECT count(*) FROM deliveries")).scalar()
    assert run(entries) == {"withdrawn": 1}
    assert (signature.state, signature.updates, get_count(petition).people) == ("withdrawn", False, 0)
    assert signature.ended_at == entries[0].at
    assert db.session.execute(text("SELECT count(*) FROM deliveries")).scalar() == emails


def test_one_that_the_backup_has_as_pending_is_withdrawn_too(petition, go_back):
    signature = make_signature(petition)

    def act():
        confirm_signature(signature)
        self_service.withdraw(signature)

    assert run(go_back(act)) == {"withdrawn": 1}
    assert (signature.state, get_count(petition).people) == ("withdrawn", 0)


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_a_disowned_signature_stays_disowned(petition, go_back, is_confirmed):
    signature = (confirmed if is_confirmed else make_signature)(petition, listed=True)
    entries = go_back(lambda: disown(signature))
    assert run(entries) == {"disowned": 1}
    assert (signature.state, bool(signature.email), get_count(petition).people) == ("disowned", is_confirmed, 0)
    assert signature.email_canonical == "zoe@example.org"


def test_one_that_the_team_put_back_stays_confirmed(petition, go_back):
    signature = confirmed(petition)

    def act():
        disown(signature)
        db.session.commit()
        restore(signature)

    assert run(go_back(act)) == {}
    assert (signature.state, get_count(petition).people) == ("confirmed", 1)


def test_who_unsubscribed_gets_no_news_and_who_agreed_again_does(petition, go_back):
    signature, other = confirmed(petition, updates=True), confirmed(petition, updates=True, email="b@example.org")

    def act():
        self_service.set_updates(signature, False)
        self_service.set_updates(other, False)

    entries = go_back(act)
    other.updates_at = clock.now() + timedelta(seconds=1)  # the backup is from after that
    db.session.commit()
    assert run(entries) == {"unsubscribed": 1}
    assert (signature.updates, other.updates) == (False, True)


def test_who_is_not_to_be_passed_on_any_more_is_not_and_who_agreed_again_is(app, go_back):
    petition = make_petition(passes_on_to="Les voisins solidaires")
    rows = [make_signature(petition, state="confirmed", passed_on=True, email=f"{name}@example.org") for name in "ab"]

    def act():
        for row in rows:
            self_service.set_passed_on(row, False)

    entries = go_back(act)
    rows[1].passed_on_at = clock.now() + timedelta(seconds=1)  # the backup is from after that
    db.session.commit()
    assert [row.passed_on for row in rows] == [True, True]
    assert run(entries) == {"not_shared": 1}
    assert [row.passed_on for row in rows] == [False, True]


def test_who_took_their_name_off_the_list_is_not_listed(petition, go_back):
    signature = confirmed(petition, listed=True)
    entries = go_back(lambda: self_service.update_details(signature, {"profession": "Juge"}))
    assert run(entries) == {"unlisted": 1}
    assert not signature.listed


def test_who_decided_never_to_be_named_is_not_named(petition, go_back):
    petition.named_total = 1
    signature = confirmed(petition, named_when="total")
    entries = go_back(lambda: self_service.update_details(signature, {"named_when": "never"}))
    assert run(entries) == {"unlisted": 1}
    assert (signature.named_when, signature.withheld_name, signature.name) == ("never", "Zoé Martin", "")
    assert run(entries) == {}


def test_who_signed_again_after_withdrawing_stays(petition, go_back):
    signature = confirmed(petition)
    entries = go_back(lambda: self_service.withdraw(signature))
    signature.requested_at = signature.confirmed_at = clock.now() + timedelta(seconds=1)
    db.session.commit()
    assert run(entries) == {}
    assert signature.state == "confirmed"


def test_a_number_that_was_given_again_is_somebody_elses(petition, go_back):
    signature = confirmed(petition)
    entries = go_back(lambda: self_service.erase(db.session.get(Signature, signature.id)))
    db.session.execute(text("UPDATE signatures SET created_at = now() + interval '1 second'"))
    db.session.commit()
    assert run(entries) == {}


def test_what_the_database_knows_is_not_applied_again(petition):
    signature = confirmed(petition, listed=True)
    self_service.update_details(signature, {"profession": "Juge"})
    db.session.commit()
    self_service.update_details(signature, {"profession": "Juge", "listed": "on"})
    db.session.commit()
    assert run(journal.list_all()) == {}
    assert signature.listed


def test_a_request_that_waited_in_the_backup_does_not_sign_for_who_was_erased(petition, go_back):
    signature = confirmed(petition)
    for email in ("zoe@example.org", "other@example.org"):
        request = SignRequest(
            petition_id=petition.id, party="person", name="Zoé", email=email, email_canonical=email, locale="fr",
            listed=False, updates=False, source="page",
        )  # fmt: skip
        db.session.add(request)
    run(go_back(lambda: self_service.erase(db.session.get(Signature, signature.id))))
    assert [row.email for row in db.session.query(SignRequest)] == ["other@example.org"]


def test_an_objection_suppresses_again(petition, go_back):
    address = "zoe@example.org"
    entries = go_back(lambda: journal.record_objection(hash_address(address)[0], address))
    assert run(entries) == {"objected": 1}
    assert find_by_address(address).reason == "objected"


def test_entries_under_a_lost_key_stop_the_replay(petition, go_back, app, monkeypatch):
    signature = confirmed(petition)
    entries = go_back(lambda: self_service.withdraw(signature))
    key = app.config["SECRET_KEY"]
    monkeypatch.setitem(app.config, "SECRET_KEY", "another" * 8)
    with pytest.raises(ValidationError, match="1 entries of the journal stand under a secret key"):
        run(entries)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [key])
    assert run(entries) == {"withdrawn": 1}, "a former key finds them"


def test_many_signatures_are_matched_in_batches(petition, go_back, monkeypatch):
    monkeypatch.setattr("petition.signatures.journal_replay.ID_BATCH_SIZE", 2)
    signatures = [confirmed(petition, email=f"{name}@example.org") for name in ("a", "b", "c", "d", "e")]
    entries = go_back(lambda: [self_service.withdraw(signature) for signature in signatures[1:]])
    assert run(entries) == {"withdrawn": 4}
    assert get_count(db.session.get(Petition, petition.id)).people == 1
