"""Every route is public, or restricted to signed-in accounts with a role."""

import re
import sys

import pytest
from support.factories import open_session, post_form, sign_in

from petition.core.db import db
from petition.team.models import TEAM_ROLES, TeamRole

# Sign-in and invitation links; Flask-Security protects its other views itself.
SIGN_IN_BLUEPRINTS = {"security", "invitations"}
OPEN_RULES = {"public", "holder of the link", "developer", "machine", "token", None}


def access_of(app, rule):
    """Return the access rule of a route's blueprint; None for assets and descriptions, which are public."""
    name = rule.endpoint.rpartition(".")[0]
    blueprint = app.blueprints.get(name)
    return getattr(sys.modules[blueprint.import_name], "ACCESS", None) if blueprint else None


def restricted_routes(app):
    """Return (method, rule, access) of every restricted route."""
    return [
        (method, rule.rule, access_of(app, rule))
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods & {"GET", "POST"})
        if access_of(app, rule) not in OPEN_RULES
    ]


def ask(client, method, path):
    path = re.sub(r"<any\((\w+)[^>]*>", r"\1", path).replace("<int:", "<").replace("<path:", "<")
    while "<" in path:
        path = path[: path.index("<")] + "1" + path[path.index(">") + 1 :]
    return post_form(client, path) if method == "POST" else client.get(path)


def test_restricted_routes_exist(app):
    assert {"operator", "admin", "team"} <= {access for *_, access in restricted_routes(app)}


def test_unauthenticated_request_is_redirected_to_sign_in(app):
    for method, path, _ in restricted_routes(app):
        client = app.test_client()
        answer = client.open(path.split("<")[0] + ("1" if "<" in path else ""), method=method)
        if answer.status_code in (404, 405):  # the rule has more after its number
            answer = client.open(path.replace("<int:", "<").replace("<", "").replace(">", ""), method=method)
        assert answer.status_code in (302, 404), (method, path)
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/account/sign-in"), path


@pytest.mark.parametrize("role", [*TEAM_ROLES, None])
def test_each_role_can_access_its_routes_only(app, role):
    client = app.test_client()
    account = sign_in(client, *([role] if role else []))
    for method, path, access in restricted_routes(app):
        answer = ask(client, method, path)
        may = access == "team" or role in (*access.split(" or "), TeamRole.ADMIN)
        assert (answer.status_code != 403) == may, (method, path, role, answer.status_code)
        assert answer.status_code < 500, path
        ended = path == "/account/sessions/end-all"
        assert ("sign-in" in answer.headers.get("Location", "")) == ended, path
        db.session.rollback()
        if method == "GET" or not may:
            continue
        if client.get("/account/").status_code == 302:  # it disabled itself, or ended its sessions
            account.active = True
            open_session(client, account)


def test_form_without_csrf_token_is_rejected(app):
    client = app.test_client()
    sign_in(client, TeamRole.ADMIN)
    for method, path, _ in restricted_routes(app):
        if method == "POST" and "<" not in path:
            assert client.post(path).status_code == 400, path


def test_public_pages_use_no_session(app, client):
    sign_in(client, TeamRole.ADMIN)
    for path in ("/", "/healthz", "/api/v1/petitions"):
        answer = client.get(path)
        assert "Cookie" not in answer.headers.get("Vary", ""), path
        assert "Set-Cookie" not in answer.headers, path


def test_forms_work_over_https_without_a_referer(app):
    client = app.test_client()
    sign_in(client, TeamRole.ADMIN)
    page = client.get("/account/", base_url="https://localhost")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    form = {"csrf_token": token, "name": "Alix"}
    assert client.post("/account/", data=form, base_url="https://localhost").status_code != 400
    assert client.post("/account/people", data=form, base_url="https://localhost").status_code == 422
    assert client.post("/account/people", data={"name": "Alix"}, base_url="https://localhost").status_code == 400
