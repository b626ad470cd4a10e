"""Organisations of a petition for a token: their order, short names, merging and taking that back."""

from support.api_tokens import make_token
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature

PATH = "/api/v1/desk/petitions/jardin/organisations"


def make_organisation(petition, name, email):
    signature = make_signature(petition, party="organisation", organisation=name, email=email)
    confirm_signature(signature)
    db.session.commit()
    return signature.id


def count():
    db.session.rollback()
    return get_count(db.session.query(Petition).filter_by(slug="jardin").one()).organisations


def test_they_are_ordered_named_and_merged(client):
    petition = make_petition()
    first, second, third = (
        make_organisation(petition, f"Les Amis {name}", f"{name}@les-amis-{name}.org") for name in "abc"
    )
    _, headers = make_token("signatures:manage")
    moved = client.patch(f"{PATH}/{third}", headers=headers, json={"move": "pin", "logo_text": "C"})
    assert (moved.json["position"], moved.json["logo_text"]) == (1, "C")
    listed = client.get(PATH, headers=headers).json
    assert ([row["id"] for row in listed["positioned"]], [row["id"] for row in listed["items"]]) == (
        [third], [first, second],
    )  # fmt: skip
    merged = client.post(f"{PATH}/merges", headers=headers, json={"ids": [first, second], "keep": first})
    assert (merged.status_code, count()) == (200, 2)
    assert client.post(f"{PATH}/merges", headers=headers, json={"ids": [first, second], "keep": 9}).status_code == 409
    part = client.patch(f"{PATH}/{second}", headers=headers, json={"unmerge": True}).json
    assert (part["merged_into"], part["state"], count()) == (None, "confirmed", 3)


def test_what_is_wrong_is_said(client):
    number = make_organisation(make_petition(), "Les Amis", "a@les-amis.org")
    make_petition(slug="autre")
    _, headers = make_token("signatures:manage")
    answer = client.patch(f"{PATH}/{number}", headers=headers, json={"logo_text": "x" * 200})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["logo_text"])
    assert client.patch(f"{PATH}/{number}", headers=headers, json={"move": "x"}).status_code == 422
    other = PATH.replace("jardin", "autre")
    assert client.patch(f"{other}/{number}", headers=headers, json={"move": "pin"}).status_code == 404
