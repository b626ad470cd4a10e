from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from support.factories import make_petition

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.petitions import lifecycle
from petition.petitions.lifecycle import SlugTaken
from petition.petitions.models import Petition
from petition.petitions.validation import Document

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def set_time(monkeypatch):
    def set_clock(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_clock(NOW)
    return set_clock


def test_dates_open_and_close_a_petition(app, set_time):
    petition = make_petition(state="draft", opens_at=NOW + timedelta(hours=1), closes_at=NOW + timedelta(hours=2))
    assert petition.state_now == "draft"
    set_time(NOW + timedelta(hours=1))
    assert petition.state_now == "open"
    set_time(NOW + timedelta(hours=2))
    assert petition.state_now == "closed"


def test_links_work_for_a_day_after_closing(app, set_time):
    petition = make_petition()
    lifecycle.close(petition)
    assert not petition.is_open
    set_time(NOW + timedelta(hours=23, minutes=59))
    assert petition.people_can_confirm
    set_time(NOW + timedelta(hours=24))
    assert not petition.people_can_confirm


def test_invalid_transitions_are_refused(app, set_time):
    petition = make_petition(state="draft")
    for change in (lifecycle.close, lifecycle.archive):
        with pytest.raises(InvalidTransition):
            change(petition)
    lifecycle.open_(petition)
    with pytest.raises(InvalidTransition):
        lifecycle.archive(petition)
    lifecycle.close(petition)
    set_time(NOW + timedelta(seconds=1))
    lifecycle.archive(petition)
    with pytest.raises(InvalidTransition):
        lifecycle.open_(petition)


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_drafts_and_archived_petitions_are_not_public(client, state):
    make_petition(state=state)
    assert client.get("/p/jardin").status_code == 404
    assert client.get("/api/v1/petitions/jardin").status_code == 404
    assert client.get("/api/v1/petitions").json == []


def test_slug_of_another_petition_is_refused_and_the_transaction_goes_on(app):
    petition = make_petition()
    fields = {"slug": "jardin", "kind": "petition", "default_language": "fr", "sender_name": "Amis", "asks": []}
    document = Document(fields | {"listing": "none", "accepts_organisations": True, "milestones": []}, [])
    with pytest.raises(SlugTaken):
        lifecycle.create(document)
    lifecycle.close(petition)
    db.session.commit()
    assert db.session.query(Petition).one().state == "closed"


def test_other_integrity_errors_are_not_taken_for_a_taken_slug(app):
    document = Document({"slug": "autre", "kind": "poem", "default_language": "fr", "sender_name": "Amis"}, [])
    with pytest.raises(IntegrityError):
        lifecycle.create(document)
