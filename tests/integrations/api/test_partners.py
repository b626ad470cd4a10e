"""Tokens of partners' members: for one petition, with no more than their role there, until the partner leaves."""

import re

import pytest
from support.factories import make_mailing, make_petition, make_signature, post_form
from support.partners import end_partnership, make_member, make_partner, make_partnership, sign_in_member

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.partners import editing
from petition.team.api_tokens import tokens
from petition.team.api_tokens.models import ApiToken
from petition.team.api_tokens.scopes import SCOPES, list_grantable

STATISTICS = "/api/v1/petitions/jardin/campaign-statistics"
PETITION = "/api/v1/desk/petitions/jardin"
MAILINGS = "/api/v1/mailings"
DRAFT = {"name": "News", "petitions": ["jardin"], "texts": {"fr": {"subject": "Bonjour", "body": "Merci à vous."}}}
BY_ROLE = {
    "viewer": ["statistics:read"],
    "editor": ["statistics:read", "petitions:manage"],
    "sender": ["statistics:read", "mailings:manage"],
    "owner": ["statistics:read", "petitions:manage", "mailings:manage"],
}


def make_headers(role, petition=None):
    """Return a partnership, the account of a member, and the headers of a request with a token of all it may do."""
    petition = petition or make_petition()
    partner = make_partner()
    partnership = make_partnership(petition, partner, role)
    account = make_member(partner)
    _, secret = tokens.create(account, "CRM", list_grantable(account, petition.id), petition.id, None)
    db.session.commit()
    return partnership, account, {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(("role", "scopes"), BY_ROLE.items())
def test_a_role_allows_its_scopes_for_its_petition_alone(app, role, scopes):
    petition, other = make_petition(), make_petition(slug="autre")
    partner = make_partner()
    make_partnership(petition, partner, role)
    account = make_member(partner)
    assert list_grantable(account, petition.id) == scopes
    assert list_grantable(account, other.id) == list_grantable(account) == []
    for scope in set(SCOPES) - set(scopes):
        with pytest.raises(ValidationError):
            tokens.create(account, "CRM", [scope], petition.id, None)
    with pytest.raises(ValidationError):
        tokens.create(account, "CRM", scopes, None, None)


def test_what_only_an_owner_may_do_an_editor_may_not(client):
    partnership, _, headers = make_headers("editor")
    assert client.get(PETITION, headers=headers).status_code == 200
    assert client.post(f"{PETITION}/state", headers=headers, json={"change": "close"}).status_code == 403
    assert client.get(f"{PETITION}/updates", headers=headers).status_code == 200
    assert client.get(f"{PETITION}/dossiers", headers=headers).status_code == 403
    assert client.post("/api/v1/desk/petitions", headers=headers, json={"fields": {}}).status_code == 403
    assert [row["slug"] for row in client.get("/api/v1/desk/petitions", headers=headers).json] == ["jardin"]
    editing.set_role(partnership.petition, partnership, "owner")
    db.session.commit()
    assert client.post(f"{PETITION}/state", headers=headers, json={"change": "close"}).status_code == 200


def test_nobody_sees_who_signed_nor_another_petition(client):
    signature = make_signature(make_petition(slug="autre"), state="confirmed")
    _, _, headers = make_headers("owner")
    for path in (
        f"/api/v1/signatures/{signature.id}",
        "/api/v1/petitions/jardin/signatures",
        f"{PETITION}/paper/imports",
    ):
        assert client.get(path, headers=headers).status_code == 403, path
    assert client.post("/api/v1/signatures/search", headers=headers, json={}).status_code == 403
    assert client.get("/api/v1/petitions/autre/campaign-statistics", headers=headers).status_code == 403
    assert client.get("/api/v1/desk/petitions/autre", headers=headers).status_code == 403


def test_the_mailings_are_its_own(client):
    petition = make_petition()
    teams = make_mailing(petition)
    partnership, _account, headers = make_headers("sender", petition)
    assert client.get(MAILINGS, headers=headers).json == []
    for path in ("", "/draft", "/preview"):
        assert client.get(f"{MAILINGS}/{teams.id}{path}", headers=headers).status_code == 404
    assert client.post(f"{MAILINGS}/{teams.id}/actions", headers=headers, json={"action": "cancel"}).status_code == 404
    made = client.post(MAILINGS, headers=headers, json=DRAFT)
    assert (made.status_code, made.json["sender_name"]) == (201, partnership.partner.name), made.json
    path = f"{MAILINGS}/{made.json['id']}"
    assert client.post(f"{path}/actions", headers=headers, json={"action": "test"}).json["state"] == "tested"
    read = client.get(f"{path}/draft", headers=headers).json
    change = {"version": read["version"], "settings": {"partner": ""}}
    assert client.patch(f"{path}/draft", headers=headers, json=change).status_code == 422, "not in the team's name"
    assert [row["id"] for row in client.get(MAILINGS, headers=headers).json] == [made.json["id"]]


@pytest.mark.parametrize("end", ["leave", "role", "member", "account"])
def test_it_ends_at_once_and_does_not_come_back(client, end):
    partnership, account, headers = make_headers("sender")
    petition, partner = partnership.petition, partnership.partner
    assert client.get(MAILINGS, headers=headers).status_code == 200
    if end == "leave":
        end_partnership(partnership)
    elif end == "role":
        editing.set_role(petition, partnership, "viewer")
    elif end == "member":
        editing.remove_member(partner, account.id)
    else:
        account.active = False
    db.session.commit()
    assert client.get(MAILINGS, headers=headers).status_code == 401
    assert client.get(STATISTICS, headers=headers).status_code == 401
    if end == "leave":
        make_partnership(petition, partner, "owner")
    elif end == "role":
        editing.set_role(petition, partnership, "owner")
    elif end == "member":
        editing.add_member(partner, account.email, "en")
    db.session.commit()
    assert client.get(MAILINGS, headers=headers).status_code == 401


def test_one_is_made_at_the_desk(client):
    make_petition(slug="autre", state="draft")
    partner = make_partner()
    make_partnership(make_petition(), partner, "viewer")
    sign_in_member(client, partner)
    assert "/desk/tokens/" in client.get("/desk/shared").text
    page = client.get("/desk/tokens/new").text
    assert "autre" not in page, "it shares one petition alone"
    assert "statistics:read" in page
    assert "signatures:" not in page
    fields = {"name": "CRM", "scope": ["statistics:read"], "lifetime": "90"}
    for petition in ("", "autre"):
        assert post_form(client, "/desk/tokens/", petition=petition, **fields).status_code == 422
    made = post_form(client, "/desk/tokens/", petition="jardin", **fields)
    secret = re.search(r'value="(petition_[\w-]+)"', made.text)[1]
    assert client.get(STATISTICS, headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    token = db.session.query(ApiToken).one()
    assert post_form(client, f"/desk/tokens/{token.id}/revoke").status_code == 303
    assert client.get(STATISTICS, headers={"Authorization": f"Bearer {secret}"}).status_code == 401
