"""Every route for tokens: without one, with a wrong one, with another scope; limits, and the description."""

import re
import sys
from datetime import timedelta

import pytest
from support.api_tokens import make_token
from support.factories import make_petition

from petition.core import clock
from petition.core.db import db
from petition.team import accounts
from petition.team.api_tokens import access, tokens
from petition.team.api_tokens.models import ApiToken
from petition.team.api_tokens.scopes import SCOPES, Scope
from petition.team.models import Account, AuditEvent, TeamRole

STATISTICS = "/api/v1/petitions/jardin/campaign-statistics"


def access_of(app, rule):
    blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
    return getattr(sys.modules[blueprint.import_name], "ACCESS", None) if blueprint else None


def list_token_routes(client):
    """Return (method, path, scope) of every operation whose description asks for a token and nothing less."""
    spec = client.get("/api/v1/openapi.json").json
    found = []
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            security = operation.get("security") if isinstance(operation, dict) else None
            if security and {} not in security:
                [scope] = security[0]["token"]
                found.append((method.upper(), re.sub(r"{\w+}", "1", path.replace("{slug}", "jardin")), scope))
    return found


def test_every_route_for_tokens_needs_one_and_names_its_scope(app, client):
    make_petition()
    routes = list_token_routes(client)
    described = {path.replace("jardin", "") for _, path, _ in routes}
    for rule in app.url_map.iter_rules():
        if access_of(app, rule) == "token":
            assert re.sub(r"<[^>]+>", "", rule.rule) in {re.sub(r"(?<=/)1(?=/|$)", "", path) for path in described}
    _, headers = make_token(*SCOPES)
    token = db.session.query(ApiToken).one()
    for method, path, scope in routes:
        for wrong in ({}, {"Authorization": "Bearer petition_" + "x" * 43}, {"Authorization": "Basic eDp5"}):
            answer = client.open(path, method=method, headers=wrong, json={})
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        token.scopes = [other for other in SCOPES if other != scope]
        db.session.commit()
        answer = client.open(path, method=method, headers=headers, json={})
        assert answer.status_code == 403, (method, path)
        assert scope in answer.json["detail"]
        assert scope in answer.headers["WWW-Authenticate"]
        token.scopes = list(SCOPES)
        db.session.commit()
        assert client.open(path, method=method, headers=headers, json={}).status_code not in (401, 403, 500)
    assert routes


def test_unknown_expired_revoked_and_missing_tokens_are_answered_alike(client):
    make_petition()
    token, headers = make_token(Scope.STATISTICS_READ)
    assert client.get(STATISTICS, headers=headers).status_code == 200
    answers = [client.get(STATISTICS), client.get(STATISTICS, headers={"Authorization": "Bearer \xe9"})]
    answers.append(client.get(STATISTICS, headers={"Authorization": "Bearer petition_" + "a" * 43}))
    token = db.session.get(ApiToken, token.id)
    token.expires_at = clock.now() - timedelta(seconds=1)
    db.session.commit()
    answers.append(client.get(STATISTICS, headers=headers))
    token.expires_at, token.revoked_at = None, clock.now()
    db.session.commit()
    answers.append(client.get(STATISTICS, headers=headers))
    token.revoked_at = None
    db.session.get(Account, token.account_id).active = False
    db.session.commit()
    answers.append(client.get(STATISTICS, headers=headers))
    assert {(answer.status_code, answer.data, answer.headers["WWW-Authenticate"]) for answer in answers} == {
        (401, answers[0].data, answers[0].headers["WWW-Authenticate"])
    }


def test_a_token_does_nothing_that_its_account_may_not(client):
    make_petition()
    token, headers = make_token(Scope.STATISTICS_READ, roles=[TeamRole.CAMPAIGNER])
    db.session.get(Account, token.account_id).role_names = ["operator"]
    db.session.commit()
    assert client.get(STATISTICS, headers=headers).status_code == 403


def test_a_role_that_is_withdrawn_ends_tokens_for_good(client):
    make_petition()
    token, headers = make_token(Scope.STATISTICS_READ, roles=[TeamRole.CAMPAIGNER])
    account = db.session.get(Account, token.account_id)
    accounts.set_roles(account, ["operator"])
    accounts.set_roles(account, ["campaigner"])
    db.session.commit()
    assert client.get(STATISTICS, headers=headers).status_code == 401
    assert db.session.query(AuditEvent).filter_by(action="token.revoked").count() == 1


def test_an_account_that_is_deactivated_ends_its_tokens_for_good(client):
    make_petition()
    token, headers = make_token(Scope.STATISTICS_READ, roles=[TeamRole.CAMPAIGNER])
    account = db.session.get(Account, token.account_id)
    accounts.set_active(account, False)
    accounts.set_active(account, True)
    db.session.commit()
    assert client.get(STATISTICS, headers=headers).status_code == 401


def test_a_token_for_one_petition_is_for_no_other(client):
    garden = make_petition()
    make_petition(slug="autre")
    _, headers = make_token(Scope.STATISTICS_READ, petition=garden)
    assert client.get(STATISTICS, headers=headers).status_code == 200
    answer = client.get("/api/v1/petitions/autre/campaign-statistics", headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (403, "This token is for another petition.")


def test_requests_of_a_token_are_limited(client, monkeypatch):
    make_petition()
    monkeypatch.setattr(access, "TOKEN_LIMITS", "2/minute")
    _, headers = make_token(Scope.STATISTICS_READ)
    _, others = make_token(Scope.STATISTICS_READ, email="other@example.org")
    answers = [client.get(STATISTICS, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert "this token" in answers[2].json["detail"]
    assert client.get(STATISTICS, headers=others).status_code == 200


def test_last_use_is_noted_once_a_minute(client):
    make_petition()
    token, headers = make_token(Scope.STATISTICS_READ)

    def used():
        db.session.expire_all()
        return db.session.get(ApiToken, token.id).last_used_at

    assert used() is None
    client.get(STATISTICS, headers=headers)
    first = used()
    client.get(STATISTICS, headers=headers)
    assert used() == first
    db.session.get(ApiToken, token.id).last_used_at = first - tokens.TOUCH_INTERVAL - timedelta(seconds=1)
    db.session.commit()
    client.get(STATISTICS, headers=headers)
    assert used() >= first


def test_nothing_that_a_token_reads_is_stored_by_caches(client):
    make_petition()
    _, headers = make_token(Scope.STATISTICS_READ)
    assert client.get(STATISTICS, headers=headers).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer x", "Token x", "Bearer " + "petition_" * 500])
def test_malformed_headers_are_no_tokens(client, header):
    make_petition()
    assert client.get(STATISTICS, headers={"Authorization": header}).status_code == 401
