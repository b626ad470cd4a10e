"""Tokens at the desk: made and shown once, listed, revoked; by whom."""

import re

from support.api_tokens import make_token
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.team.api_tokens.models import ApiToken
from petition.team.api_tokens.tokens import PREFIX, hash_secret
from petition.team.models import AuditEvent, TeamRole


def test_a_token_is_made_shown_once_used_and_revoked(client):
    make_petition()
    sign_in(client, TeamRole.CAMPAIGNER)
    assert "statistics:read" in client.get("/desk/tokens/new").text
    fields = {"name": "CRM", "scope": ["statistics:read"], "petition": "jardin", "lifetime": "90"}
    page = post_form(client, "/desk/tokens/", **fields)
    secret = re.search(rf'value="({PREFIX}[\w-]+)"', page.text)[1]
    assert page.headers["Cache-Control"] == "no-store"
    token = db.session.query(ApiToken).one()
    assert token.token_hash == hash_secret(secret)
    assert secret not in str(vars(token))
    listed = client.get("/desk/tokens/").text
    assert "CRM" in listed
    assert secret not in listed
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/petitions/jardin/campaign-statistics", headers=headers).status_code == 200
    assert post_form(client, f"/desk/tokens/{token.id}/revoke").status_code == 303
    assert client.get("/api/v1/petitions/jardin/campaign-statistics", headers=headers).status_code == 401
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions == ["token.created", "token.revoked"]
    assert secret not in str([event.after for event in db.session.query(AuditEvent)])


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client):
    make_petition()
    sign_in(client, TeamRole.SENDER)
    page = post_form(client, "/desk/tokens/", name="My CRM", scope=["signatures:read"], lifetime="30", petition="")
    assert page.status_code == 422
    assert 'value="My CRM"' in page.text
    assert "signatures:read" not in client.get("/desk/tokens/new").text  # not for this role
    for wrong in ({"lifetime": "5"}, {"petition": "none"}, {"name": ""}, {"scope": ["all"]}):
        fields = {"name": "CRM", "scope": ["statistics:read"], "petition": "", "lifetime": "30", **wrong}
        assert post_form(client, "/desk/tokens/", **fields).status_code == 422
    assert db.session.query(ApiToken).count() == 0


def test_others_tokens_are_for_admins(client):
    token, _ = make_token("statistics:read")
    sign_in(client, TeamRole.CAMPAIGNER)
    assert "A program" not in client.get("/desk/tokens/").text
    assert post_form(client, f"/desk/tokens/{token.id}/revoke").status_code == 404
    sign_in(client, TeamRole.ADMIN)
    assert "A program" in client.get("/desk/tokens/").text
    assert post_form(client, f"/desk/tokens/{token.id}/revoke").status_code == 303


def test_making_a_token_asks_for_the_password_again(client):
    sign_in(client, TeamRole.CAMPAIGNER)
    with client.session_transaction("/account/") as session:
        session["fs_paa"] = 0
    assert "verify" in client.get("/desk/tokens/new").headers["Location"]
    assert (
        "verify"
        in post_form(client, "/desk/tokens/", name="CRM", scope=["statistics:read"], lifetime="30").headers["Location"]
    )
    assert db.session.query(ApiToken).count() == 0
