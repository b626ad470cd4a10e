"""Names wait, are decided about on the desk, one by one or together, and decisions can be undone."""

import re

import pytest
from flask import current_app
from sqlalchemy import event
from support.factories import make_copies_of_signatures, make_petition, make_signature, post_form, sign_in

from petition.core import cache
from petition.core.db import db
from petition.petitions.counters import get_count
from petition.signatures.confirm import confirm_signature
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.listing.public_list import list_organisations, list_signatories
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import update_details
from petition.signatures.review import queue
from petition.signatures.staff.edit import edit_details
from petition.team.models import AuditEvent


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner", name="Alix")


def confirmed(petition, **overrides):
    signature = make_signature(petition, **{"listed": True, **overrides})
    confirm_signature(signature)
    db.session.commit()
    return signature


def organisation(petition, name="Les Amis", **overrides):
    details = {"party": "organisation", "organisation": name, "email": "a@les-amis.org", **overrides}
    return confirmed(petition, **details)


def listed(petition):
    db.session.rollback()
    return {row.organisation or row.name for row in list_signatories(petition).items}


def line(client, signature):
    page = client.get("/desk/names/").text
    return re.search(rf'name="name" value="({signature.id}:\w+)"', page)[1]


def review(signature):
    db.session.rollback()
    return db.session.get(Signature, signature.id, populate_existing=True).review


def test_organisations_and_flagged_names_count_at_once_and_are_listed_once_approved(client, campaigner, petition):
    waiting = [organisation(petition), confirmed(petition, name="Police nationale", email="p@example.org")]
    confirmed(petition)
    assert get_count(petition).confirmed == 3
    assert listed(petition) == {"Zoé Martin"}
    assert list_organisations(petition) == []
    for page in ("/p/jardin?lang=en", "/p/jardin/signatories?lang=en", "/api/v1/petitions/jardin/signatories"):
        text = client.get(page).text
        assert "Les Amis" not in text
        assert "Police nationale" not in text
    lines = [line(client, signature) for signature in waiting]
    answer = post_form(client, "/desk/names/decide", all="show", name=lines)
    assert answer.status_code == 303
    assert listed(petition) == {"Zoé Martin", "Les Amis", "Police nationale"}
    assert [row.organisation for row in list_organisations(petition)] == ["Les Amis"]
    events = db.session.query(AuditEvent).filter_by(action="signature.name_approved").all()
    before, after = {"review": "waiting", "reported": False}, {"review": "approved", "reported": False}
    assert [(event.before, event.after, event.actor) for event in events] == [(before, after, campaigner.email)] * 2


def test_one_click_hides_a_name_which_counts_on_and_undo_brings_it_back(client, campaigner, petition):
    signature = organisation(petition)
    post_form(client, "/desk/names/decide", one=f"hide:{line(client, signature)}")
    assert review(signature) == "rejected"
    assert get_count(petition).confirmed == 1
    assert "Les Amis" not in client.get("/desk/names/?lang=en").text
    page = client.get("/desk/names/decided?lang=en").text
    undo = re.search(r'action="(/desk/names/decided/\d+/undo)"', page)[1]
    post_form(client, undo)
    assert review(signature) == "waiting"
    assert "Les Amis" in client.get("/desk/names/?lang=en").text
    post_form(client, undo)
    assert review(signature) == "waiting", "a decision is undone once"


def test_a_name_that_changed_since_it_was_shown_is_left(client, campaigner, petition):
    signature = organisation(petition)
    shown = line(client, signature)
    signature.organisation = "Les Ennemis"
    db.session.commit()
    answer = post_form(client, "/desk/names/decide", one=f"show:{shown}")
    assert review(signature) == "waiting"
    assert "Les Ennemis" in client.get(answer.location).text


@pytest.mark.parametrize(
    "form",
    [{}, {"all": "x"}, {"one": "show"}, {"one": "x:1:2"}, {"all": "show", "name": ["1", "x:y", "9" * 30 + ":a"]}],
)
def test_a_form_that_is_not_ours_changes_nothing(client, campaigner, petition, form):
    signature = organisation(petition)
    assert post_form(client, "/desk/names/decide", **form).status_code in (303, 400)
    assert review(signature) == "waiting"


def test_pages_follow_each_other_oldest_first(client, campaigner, petition, monkeypatch):
    monkeypatch.setattr(queue, "PAGE_SIZE", 2)
    for n in range(5):
        organisation(petition, f"Amis {chr(65 + n)}", email=f"a{n}@example.org")
    found, path = [], "/desk/names/?lang=en"
    while path:
        page = client.get(path).text
        found += re.findall(r"<bdi>(Amis \w)</bdi></strong>", page)
        following = re.search(r'href="([^"]*after=\d+[^"]*)">More names', page)
        path = following and following[1].replace("&amp;", "&") + "&lang=en"
    assert found == [f"Amis {letter}" for letter in "ABCDE"]


def test_the_navigation_shows_a_bounded_number(client, campaigner, petition, monkeypatch):
    monkeypatch.setattr(queue, "MAX_COUNTED", 2)
    assert queue.navigation_count() == ""
    for n in range(2):
        organisation(petition, email=f"a{n}@example.org")
    cache.init_app(client.application)
    assert queue.navigation_count() == "2"
    organisation(petition, email="a3@example.org")
    cache.init_app(client.application)
    assert queue.navigation_count() == "2+"
    assert ">2+</span>" in client.get("/desk/names/?lang=en").text


def test_a_petition_that_lists_nobody_needs_no_review(petition):
    organisation(petition)
    organisation(petition, email="unlisted@example.org", listed=False)
    assert len(queue.list_names().items) == 1
    petition.listing = "none"
    db.session.commit()
    assert queue.list_names().items == []


def test_signing_again_after_a_rejection_waits(petition):
    signature = confirmed(petition)
    signature.review, signature.state = "rejected", "withdrawn"
    db.session.commit()
    make_signature(petition, listed=True)
    assert review(signature) == "waiting"


def test_a_changed_name_waits_where_the_rules_say_so(petition):
    signature = confirmed(petition)
    edit_details(signature, {"city": "Lyon"})
    assert signature.review is None
    edit_details(signature, {"name": "Ministère de la Justice"})
    assert signature.review == "waiting"
    edit_details(signature, {"name": "Zoé Martin"})
    assert signature.review is None
    signature.review = "rejected"
    edit_details(signature, {"name": "Zoé Martine"})
    assert signature.review == "waiting"


def test_the_signature_s_page_shows_or_hides_a_name(client, campaigner, petition):
    signature = confirmed(petition)
    path = f"/desk/signatures/{signature.id}"
    for action, state in (("hide_name", "rejected"), ("show_name", "approved")):
        seen = re.search(r'name="seen" value="(\w+)"', client.get(f"{path}/{action}").text)[1]
        assert post_form(client, f"{path}/{action}", seen=seen).status_code == 303
        assert review(signature) == state
    assert f"{campaigner.email} approved its name" in client.get(f"{path}?lang=en").text


def test_the_signer_is_told(client, petition):
    for review_state, said in (
        ("waiting", "once the team has read it"),
        ("rejected", "decided not to show this name"),
    ):
        signature = make_signature(petition, email=f"{review_state}@example.org", listed=True)
        signature.review = review_state
        db.session.commit()
        assert said in client.get(f"/c/{make_confirm_token(signature)}?lang=en").text
        confirm_signature(signature)
        db.session.commit()
        assert said in client.get(f"/me/{make_personal_token(signature)}?lang=en").text


def test_a_role_that_advertises_waits(client, petition):
    signature = organisation(petition, review="approved")
    update_details(signature, {"profession": "Trésorière", "listed": "on"})
    assert signature.review == "approved"
    update_details(signature, {"profession": "Cliquez ici", "listed": "on"})
    assert signature.review == "waiting"


@pytest.mark.usefixtures("new_tables")
def test_the_queue_is_read_from_its_index(petition):
    organisation(petition)
    make_copies_of_signatures(2000)  # which need no review
    asked = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        queue.list_names()
        queue.list_names(1)
        cache.init_app(current_app)
        queue.count_names()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    asked = [(statement, parameters) for statement, parameters in asked if "reported_at IS NOT NULL" in statement]
    with db.engine.connect() as connection:
        for other in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET enable_{other} = off")
        plans = ["\n".join(connection.exec_driver_sql(f"EXPLAIN {s}", p).scalars()) for s, p in asked]
    assert len(plans) == 3
    assert all("using ix_signatures_review" in plan for plan in plans), plans
