"""Organisations on the desk: the team's order, short names, and merging duplicates."""

import re

import pytest
from sqlalchemy import select
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.petitions.statistics.campaign import get_statistics
from petition.signatures.confirm import confirm_signature
from petition.signatures.listing.public_list import list_organisations
from petition.signatures.models import Signature
from petition.signatures.staff import organisations
from petition.team.models import AuditEvent

NAMES = ("Les Amis", "Barreau", "La Cimade", "les amis !")


@pytest.fixture
def petition(app):
    petition = make_petition()
    for n, name in enumerate(NAMES):
        details = {"party": "organisation", "organisation": name, "listed": True, "updates": True, "review": "approved"}
        confirm_signature(make_signature(petition, email=f"s{n}@example.org", **details))
    confirm_signature(make_signature(petition, email="person@example.org", listed=True))
    db.session.commit()
    return petition


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def of(name):
    db.session.expire_all()
    return db.session.scalar(select(Signature).where(Signature.organisation == name))


def shown(client):
    page = client.get("/p/jardin?lang=en").text
    return re.findall(r"<li><bdi[^>]*>([^<]+)</bdi></li>", page[page.index('class="organisations"') :])


def place(client, name, how):
    return post_form(client, f"/desk/petitions/jardin/organisations/{of(name).id}/place", how=how)


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_an_empty_page_says_when_organisations_appear(client):
    make_petition()
    assert "No organisation has confirmed" in client.get("/desk/petitions/jardin/organisations?lang=en").text


def test_positioned_organisations_come_first_on_the_public_page(client, petition):
    alphabet = shown(client)
    place(client, "La Cimade", "pin")
    place(client, "Barreau", "pin")
    rest = [name for name in alphabet if name not in ("La Cimade", "Barreau")]
    assert shown(client) == ["La Cimade", "Barreau", *rest]
    place(client, "Barreau", "up")
    place(client, "Barreau", "up")
    assert shown(client) == ["Barreau", "La Cimade", *rest]
    place(client, "Barreau", "down")
    place(client, "La Cimade", "unpin")
    assert shown(client)[0] == "Barreau"
    assert of("Barreau").list_position == 1
    assert place(client, "Barreau", "sideways").status_code == 400
    assert set(actions()) == {"organisation.placed"}
    assert client.get("/desk/petitions/jardin/organisations?lang=en").status_code == 200


def test_a_short_name_is_shown_instead_of_the_name(client, petition):
    path = f"/desk/petitions/jardin/organisations/{of('La Cimade').id}/logo"
    assert post_form(client, path, logo_text="Cimade").status_code == 303
    assert "Cimade" in shown(client)
    assert 'title="La Cimade"' in client.get("/p/jardin?lang=en").text
    names = {item["organisation"] for item in client.get("/api/v1/petitions/jardin/signatories").json["items"]}
    assert "La Cimade" in names
    for wrong in ("x" * 61, "a\0b", "http://x.example"):
        answer = post_form(client, path + "?lang=en", logo_text=wrong)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert of("La Cimade").logo_text == "Cimade"
    post_form(client, path, logo_text=" ")
    assert "La Cimade" in shown(client)


def test_duplicates_are_found_merged_and_unmerged(client, petition):
    first, second = of("Les Amis"), of("les amis !")
    second.logo_text = "Amis"
    db.session.commit()
    page = client.get("/desk/petitions/jardin/organisations?lang=en").text
    assert f"merge?id={first.id}&amp;id={second.id}" in page
    asked = client.get(f"/desk/petitions/jardin/organisations/merge?id={first.id}&id={second.id}&lang=en").text
    assert "4 organisations become 3" in asked
    assert get_count(petition).organisations == 4
    ids = {"id": [str(first.id), str(second.id)], "keep": str(first.id)}
    for _ in range(2):
        assert post_form(client, "/desk/petitions/jardin/organisations/merge", **ids).status_code == 303
    kept, gone = of("Les Amis"), of("les amis !")
    assert (kept.state, kept.logo_text, gone.state, gone.merged_into) == ("confirmed", "Amis", "invalidated", kept.id)
    assert get_count(petition).organisations == 3
    assert len(shown(client)) == 3
    assert get_statistics(petition).counted == 4
    assert reconcile() == []
    for _ in range(2):
        post_form(client, f"/desk/petitions/jardin/organisations/{gone.id}/unmerge")
    assert of("les amis !").state == "confirmed"
    assert get_count(petition).organisations == 4
    assert get_statistics(petition).counted == 5
    assert reconcile() == []
    assert actions() == ["organisation.merged", "organisation.unmerged"]
    assert "amis" not in str([(event.before, event.after) for event in db.session.query(AuditEvent)]).lower()


def test_only_confirmed_organisations_of_the_petition_are_merged(client, petition):
    other = make_petition(slug="autre")
    theirs = make_signature(other, party="organisation", organisation="Les Amis", email="o@example.org")
    confirm_signature(theirs)
    pending = make_signature(petition, party="organisation", organisation="Les Amis", email="p@example.org")
    person = db.session.scalar(select(Signature).where(Signature.party == "person"))
    db.session.commit()
    first = of("Barreau")
    for stranger in (theirs.id, pending.id, person.id, first.id, 2**70):
        ids = {"id": [str(first.id), str(stranger)], "keep": str(first.id)}
        post_form(client, "/desk/petitions/jardin/organisations/merge", **ids)
    ids = {"id": [str(first.id), str(of("La Cimade").id)], "keep": str(person.id)}
    post_form(client, "/desk/petitions/jardin/organisations/merge", **ids)
    assert db.session.query(Signature).filter_by(state="invalidated").count() == 0
    assert get_count(petition).organisations == 4
    assert client.get("/desk/petitions/jardin/organisations/merge?id=x").status_code == 302


def test_unmerge_does_not_reinstate_what_was_invalidated(app, petition):
    signature = of("Barreau")
    signature.state = "invalidated"
    db.session.commit()
    assert not organisations.unmerge(signature)


def test_a_long_list_is_paged_by_name(client, petition, monkeypatch):
    monkeypatch.setattr(organisations, "PAGE_SIZE", 2)
    seen, path = [], "/desk/petitions/jardin/organisations"
    while path:
        page = client.get(path).text
        seen += re.findall(r'<th scope="row" class="text-break"><bdi>([^<]+)</bdi>', page)
        following = re.search(r'href="([^"]+after=\d+)"', page)
        path = following and following[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(NAMES)


@pytest.mark.parametrize("end", ["9999/place", "99999999999999999999/logo", "x/unmerge"])
def test_unknown_organisations_are_not_found(client, petition, end):
    assert post_form(client, f"/desk/petitions/jardin/organisations/{end}", how="up").status_code == 404
    assert client.get("/desk/petitions/jardin/organisations?after=99999999999999999999").status_code == 200


def test_organisations_are_in_alphabetical_order_at_the_desk_and_in_public(app):
    petition = make_petition()
    names = ["Zébulon", "Œuvre des prisons", "abri", "Éclat", "Ocre", "Envol"]
    for number, name in enumerate(names):
        make_signature(
            petition, party="organisation", organisation=name, email=f"o{number}@example.org", state="confirmed",
            listed=True, review="approved", confirmed_no=number + 1,
        )  # fmt: skip
    expected = ["abri", "Éclat", "Envol", "Ocre", "Œuvre des prisons", "Zébulon"]
    assert [one.organisation for one in list_organisations(petition)] == expected
    page = organisations.list_unpositioned(petition)
    assert [one.organisation for one in page.items] == expected
    rest = organisations.list_unpositioned(petition, after_id=page.items[1].id)
    assert [one.organisation for one in rest.items] == expected[2:]
