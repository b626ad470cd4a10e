from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from support.factories import make_form, make_petition

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


@pytest.mark.parametrize(("state", "status"), [("draft", 404), ("archived", 410)])
def test_drafts_and_archived_petitions_are_not_public(client, state, status):
    make_petition(state=state)
    assert client.get("/p/jardin").status_code == status
    assert client.post("/p/jardin/sign", data=make_form()).status_code == status
    answer = client.get("/api/v1/petitions/jardin")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert client.get("/api/v1/petitions").json == []


def test_an_archived_petition_can_be_put_back_online(app, set_time):
    petition = make_petition(state="archived", closed_at=NOW - timedelta(days=3))
    lifecycle.restore(petition)
    assert petition.state_now == "closed"
    with pytest.raises(InvalidTransition):
        lifecycle.restore(petition)


def test_a_petition_is_won_once_and_that_can_be_taken_back(app, set_time):
    petition = make_petition(state="draft")
    with pytest.raises(InvalidTransition):
        lifecycle.mark_won(petition)
    lifecycle.open_(petition)
    lifecycle.mark_won(petition)
    assert (petition.won_at, petition.state_now) == (NOW, "open")
    with pytest.raises(InvalidTransition):
        lifecycle.mark_won(petition)
    lifecycle.unmark_won(petition)
    assert petition.won_at is None


def test_the_possible_changes_are_those_that_succeed(app, set_time):
    changes = {
        "open": lifecycle.open_, "close": lifecycle.close, "won": lifecycle.mark_won, "not-won": lifecycle.unmark_won,
        "archive": lifecycle.archive, "restore": lifecycle.restore,
    }  # fmt: skip
    for state in ("draft", "open", "closed", "archived"):
        for won_at in (None, NOW):
            for name, change in changes.items():
                if (state, name) == ("open", "open"):
                    continue  # harmless, and not offered
                closed_at = NOW if state in ("closed", "archived") else None
                petition = make_petition(state=state, won_at=won_at, closed_at=closed_at)
                if name in lifecycle.list_possible_changes(petition):
                    change(petition)
                else:
                    with pytest.raises(InvalidTransition):
                        change(petition)
                db.session.delete(petition)
                db.session.commit()


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


@pytest.mark.parametrize("opens_at", [None, NOW + timedelta(days=3)])
def test_a_draft_opened_by_hand_opened_then(app, set_time, monkeypatch, opens_at):
    petition = make_petition(state="draft", opens_at=opens_at)
    monkeypatch.setattr(lifecycle.imprint, "is_missing", lambda _id: False)
    monkeypatch.setattr(lifecycle.edit_form, "find_missing", lambda _petition: [])
    lifecycle.open_(petition)
    assert petition.opens_at == NOW
    set_time(NOW + timedelta(days=1))
    lifecycle.close(petition)
    lifecycle.open_(petition)
    assert petition.opens_at == NOW, "reopened, not opened anew"
