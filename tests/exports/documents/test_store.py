"""Documents are made by a worker when they are asked for, and not twice."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from sqlalchemy import select, update
from support.factories import make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.exports.documents import store
from petition.exports.documents.models import Document, DocumentKind
from petition.exports.documents.names import TooManyNames
from petition.exports.documents.rendering import Rendered, RenderingError

LETTER = DocumentKind.LETTER


@pytest.fixture
def rendered(monkeypatch):
    """Stand in for the renderer; returns the list of what it was given."""
    jobs = []

    def stand_in(parts, _moment, report):
        report(50)
        jobs.append(parts)
        return Rendered(f"{len(jobs)}".encode(), 1)

    monkeypatch.setattr(store, "render_parts", stand_in)
    return jobs


def age(**values):
    db.session.execute(update(Document).values({name: clock.now() - by for name, by in values.items()}))
    db.session.commit()


def find(petition, kind=LETTER):
    return store._find(petition.id, kind, "fr")


def test_a_document_is_made_once_however_often_it_is_asked_for(app, rendered):
    petition = make_petition()
    for _ in range(5):
        store.request(petition, LETTER, "fr")
    assert store.make_requested(5) == 1
    status = find(petition)
    assert store.read_content(status) == b"1"
    assert (status.requested_at, status.failed_at, status.petition_version) == (None, None, 1)
    assert store.is_fresh(status, petition)
    assert store.is_servable(status, LETTER)


def test_it_is_made_again_a_minute_later_or_when_the_petition_changed(app, rendered):
    petition = make_petition()
    store.request(petition, LETTER, "fr")
    store.make_next()
    petition.version += 1
    assert not store.is_fresh(find(petition), petition)
    petition.version -= 1
    age(made_at=timedelta(seconds=61))
    assert not store.is_fresh(find(petition), petition)
    db.session.execute(update(Document).values(milliseconds=10_000))
    db.session.commit()
    assert store.is_fresh(find(petition), petition), "what takes long is made less often"


def test_names_are_not_served_when_they_are_old(app, rendered):
    petition = make_petition()
    for kind in (DocumentKind.SIGNATORIES, DocumentKind.CARD):
        store.request(petition, kind, "fr")
    store.make_requested(5)
    age(made_at=store.MAX_AGE_OF_NAMES)
    assert not store.is_servable(find(petition, DocumentKind.SIGNATORIES), DocumentKind.SIGNATORIES)
    assert store.is_servable(find(petition, DocumentKind.CARD), DocumentKind.CARD)


@pytest.mark.parametrize("error", [RenderingError("x"), TooManyNames()])
def test_what_cannot_be_made_is_tried_again_later(app, monkeypatch, error):
    petition = make_petition()

    def fail(*_):
        raise error

    monkeypatch.setattr(store, "render_parts", fail)
    store.request(petition, LETTER, "fr")
    assert store.make_requested(5) == 1
    status = find(petition)
    assert store.is_fresh(status, petition)
    assert not store.is_servable(status, LETTER)
    age(failed_at=store.RETRY_AFTER)
    assert not store.is_fresh(find(petition), petition)


def test_a_worker_that_died_holds_its_claim_for_a_time(app, rendered):
    petition = make_petition()
    store.request(petition, LETTER, "fr")
    age(claimed_at=timedelta(seconds=1))
    assert not store.make_next()
    age(claimed_at=store.CLAIM_TIMEOUT)
    assert store.make_next()


def test_a_worker_whose_claim_went_to_another_records_nothing(app, monkeypatch):
    petition = make_petition()

    def lose_the_claim(*_):
        age(claimed_at=timedelta(seconds=5))
        return Rendered(b"late", 1)

    monkeypatch.setattr(store, "render_parts", lose_the_claim)
    store.request(petition, LETTER, "fr")
    assert store.make_next()
    assert find(petition).made_at is None


def test_who_withdrew_or_was_erased_is_not_in_the_next(app, rendered):
    petition = make_petition()
    ada = make_signature(
        petition, name="Ada Un", email="ada@example.org", listed="on", state="confirmed", confirmed_no=1
    )
    bob = make_signature(
        petition, name="Bob Un", email="bob@example.org", listed="on", state="confirmed", confirmed_no=2
    )
    store.request(petition, DocumentKind.SIGNATORIES, "fr")
    store.make_next()
    assert "Ada Un" in str(rendered[-1])
    ada.state = "withdrawn"
    db.session.delete(bob)
    db.session.commit()
    store.request(petition, DocumentKind.SIGNATORIES, "fr")
    store.make_next()
    assert " Un" not in str(rendered[-1])


def test_cards_are_made_before_anybody_asks(app, rendered):
    make_petition()
    make_petition(slug="brouillon", state="draft")
    store.request_missing_cards()
    store.request_missing_cards()
    assert store.make_requested(5) == len(LANGUAGES)
    assert set(db.session.scalars(select(Document.language))) == set(LANGUAGES)


def test_what_names_people_is_deleted_after_a_day_and_all_of_what_is_not_public(app, rendered):
    petition, archived = make_petition(), make_petition(slug="vieux")
    for kind in (DocumentKind.SIGNATORIES, DocumentKind.POSTER):
        store.request(petition, kind, "fr")
    store.request(archived, DocumentKind.POSTER, "fr")
    store.make_requested(5)
    archived.state = "archived"
    age(made_at=store.RETENTION_OF_NAMES + timedelta(seconds=1))
    store.delete_old()
    assert [(row.petition_id, row.kind) for row in db.session.scalars(select(Document))] == [(petition.id, "poster")]


def test_a_database_that_cannot_be_written_to_changes_nothing(app):
    petition = make_petition()
    db.session.commit()
    with db.engine.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        with patch.object(db.session, "execute", connection.execute):
            store.request(petition, LETTER, "fr")
        connection.rollback()
        connection.exec_driver_sql("SET default_transaction_read_only = off")
    assert find(petition) is None
