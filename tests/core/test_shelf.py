"""What a process keeps for a moment, and that no signature is taken by what it kept."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from factories import make_form, make_petition

from petition.core import clock, shelf
from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.petitions import publish
from petition.petitions.models import Petition
from petition.petitions.publish import known_by_id
from petition.signatures.models import Signature


@pytest.fixture
def fresh(app, monkeypatch):
    """Have things kept for ten seconds, on a clock that the test sets; returns the clock."""
    monkeypatch.setitem(app.config, "PETITION_FRESH", 10.0)
    clock = {"now": 100.0}
    # Its clock alone: the pool of connections tells by the same one which have rested.
    monkeypatch.setattr(shelf, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    app.extensions["petition.shelf"].clear()
    yield clock
    app.extensions["petition.shelf"].clear()


def test_a_thing_is_made_once_until_it_is_too_old(app, fresh):
    made = iter(range(9))
    assert [shelf.kept("thing", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    fresh["now"] += 9.9
    assert shelf.kept("thing", lambda: next(made)) == 0
    fresh["now"] += 0.2
    assert shelf.kept("thing", lambda: next(made)) == 1


def test_while_one_thread_makes_it_anew_the_others_take_the_old_one(app, fresh):
    shelf.kept("thing", lambda: "old")
    fresh["now"] += 11
    assert shelf.kept("thing", lambda: shelf.kept("thing", lambda: "twice") + ", new") == "old, new"


def test_nothing_is_kept_where_nothing_may_be(app):
    made = iter(range(9))
    assert [shelf.kept("thing", lambda: next(made)) for _ in range(2)] == [0, 1]


def test_the_shelf_stays_small(app, fresh):
    for number in range(3 * shelf.MOST):
        shelf.kept(number, lambda: "thing")
    assert len(app.extensions["petition.shelf"]) <= shelf.MOST


def test_the_page_is_kept_and_a_signature_still_sees_that_the_petition_was_closed(client, fresh):
    make_petition(slug="jardin")
    assert client.get("/p/jardin").status_code == 200
    publish.close(db.session.query(Petition).one())
    db.session.commit()
    assert "<form" in client.get("/p/jardin").text, "the page is the one that was kept"
    answer = client.post("/p/jardin/sign", data=make_form())
    assert answer.status_code != 303
    assert db.session.query(Signature).count() == 0
    fresh["now"] += 11
    assert 'name="email"' not in client.get("/p/jardin").text


def test_a_petition_that_was_just_opened_again_has_its_confirmations_sent(client, outbox, fresh):
    petition = make_petition(slug="jardin", state="closed", closed_at=clock.now() - timedelta(days=3))
    assert not known_by_id([petition.id])[petition.id].people_can_confirm
    publish.open_(petition)
    db.session.commit()
    assert client.post("/p/jardin/sign", data=make_form()).status_code == 303
    assert dispatch("confirmations") == 1
    assert len(outbox) == 1, "what the petition was is no reason to leave it unsent"
