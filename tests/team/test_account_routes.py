"""Every route under /account/ with a signed-out, a half-signed-in and a signed-in browser."""

import re

import pytest
from flask_login import encode_cookie
from support.factories import make_account, make_petition, open_session
from support.team_sign_in import PASSWORD, csrf_token, give_password, sign_in_fully, submit

from petition.core.db import db
from petition.team import links
from petition.team.models import Account, TeamRole

ENTRANCES = {  # whoever is at the door may open these
    "/account/provider/start", "/account/provider/callback",
    "/account/sign-in", "/account/sign-out", "/account/passkey", "/account/passkey/<token>", "/account/forgot",
    "/account/welcome/<token>", "/account/security-static/<path:filename>",
}  # fmt: skip
SECOND_STEPS = {  # with the password given, and a second factor to come
    "/account/code", "/account/recovery", "/account/two-factor", "/account/second-factor", "/account/tf-rescue",
}  # fmt: skip
ENTRANCE_PAGE = "/account/sign-in"
# Whoever writes a form holds its token, signed in or not; without it there is a 403.
KEPT_FORMS = "/account/unsaved/"


def account_routes(app):
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/account")
        if rule.rule != KEPT_FORMS
        for method in sorted(rule.methods & {"GET", "POST"})
    ]


def request(client, method, rule, token=None):
    path = re.sub(r"<(?:\w+:)?\w+>", "1", rule)
    return client.get(path) if method == "GET" else client.post(path, data={"csrf_token": token, "email": "x"})


def is_to_sign_in(answer):
    return answer.status_code in (302, 303) and answer.headers["Location"].split("?")[0] == ENTRANCE_PAGE


@pytest.fixture
def account(app):
    account = make_account(password=PASSWORD, role_names=[TeamRole.ADMIN])
    sign_in_fully(app.test_client())
    return account


def test_signed_out(app, account):
    rules = {rule for _, rule in account_routes(app)}
    assert len(rules) > 20
    assert rules >= ENTRANCES | SECOND_STEPS
    for method, rule in account_routes(app):
        client = app.test_client()
        token = csrf_token(client.get(ENTRANCE_PAGE))
        answer = request(client, method, rule, token)
        if rule in ENTRANCES:
            assert answer.status_code in (200, 302, 404, 410, 422), (method, rule)
        else:
            assert is_to_sign_in(answer), (method, rule, answer.status_code)
        assert client.get("/account/").status_code == 302, (method, rule)


def test_half_signed_in(app, account):
    secrets = account.tf_totp_secret, account.password
    for method, rule in account_routes(app):
        client = app.test_client()
        give_password(client, network=f"192.0.{len(rule)}.{len(method)}")
        db.session.rollback()
        token = csrf_token(client.get("/account/code"))
        answer = request(client, method, rule, token)
        if rule in ENTRANCES | SECOND_STEPS:
            assert answer.status_code in (200, 302, 404, 410, 422), (method, rule)
        else:
            assert is_to_sign_in(answer), (method, rule, answer.status_code)
        assert client.get("/account/").status_code == 302, (method, rule)
    db.session.refresh(account)
    assert (account.tf_totp_secret, account.password) == secrets


def test_signed_in(app, account):
    client = app.test_client()
    for method, rule in account_routes(app):
        open_session(client, account)
        token = csrf_token(client.get("/account/"))
        answer = request(client, method, rule, token)
        assert answer.status_code in (200, 302, 303, 404, 410, 422), (method, rule, answer.status_code)
        ends = (method, rule) in {("POST", "/account/sign-out"), ("POST", "/account/sessions/end-all")}
        assert is_to_sign_in(answer) == ends, (method, rule)
        assert (client.get("/account/").status_code == 302) == ends, (method, rule)
        db.session.expire_all()
        assert account.has_second_factor, (method, rule)


def test_kept_forms_take_their_own_token_alone(app, account):
    for signed_in in (False, True):
        client = app.test_client()
        if signed_in:
            open_session(client, account)
        assert client.post(KEPT_FORMS, data={"fr.title": "x"}).status_code == 403
        assert client.post(KEPT_FORMS, headers={"X-Form-Owner": "x" * 300}).status_code == 403
        assert client.get(KEPT_FORMS).status_code == 405


def test_signed_in_without_a_token(app, account):
    client = app.test_client()
    open_session(client, account)
    for method, rule in account_routes(app):
        if method == "POST":
            answer = client.post(re.sub(r"<(?:\w+:)?\w+>", "1", rule))
            # Some pages are for those who have yet to sign in, and sign-out asks again.
            sent_home = answer.status_code == 302 and answer.headers["Location"] in ("/account/", "/desk/")
            asks = rule == "/account/sign-out" and answer.status_code == 200
            assert answer.status_code == 400 or sent_home or asks, (rule, answer.status_code)
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize("path", ["/account", "/account?lang=en", "/ops", "/desk", "/ops/failures/"])
def test_redirects_name_no_host(client, path):
    for headers in ({"Host": "evil.example"}, {"Host": "localhost"}):
        location = client.get(path, headers=headers).headers.get("Location", "")
        assert "//" not in location, location
    assert client.get("/account?lang=en").headers["Location"] == "/account/?lang=en"


def test_double_slash_leads_to_no_other_host(client):
    assert not client.get("//evil.example//account").headers.get("Location", "").startswith("//")


def test_no_cookie_outlives_the_session(app):
    make_account(password=PASSWORD)
    client = app.test_client()
    give_password(client, remember="y")
    sign_in_fully(client)
    passkey = submit(app.test_client(), "/account/passkey", remember="y")
    assert passkey.status_code == 200
    for path in ("/account/", "/account/two-factor", "/account/password"):
        cookies = client.get(path).headers.getlist("Set-Cookie")
        assert [cookie.split("=")[0] for cookie in cookies] in ([], ["team"])
        assert all("SameSite=Lax" in cookie and "HttpOnly" in cookie for cookie in cookies)
    assert client.get_cookie("remember_token") is None
    assert client.get_cookie("tf_validity") is None


def test_first_admin_can_sign_in_with_every_address_that_is_accepted(app):
    """What is accepted signs in; what could not sign in is refused, with a message."""
    refused = ["été@example.org", "zoe@localhost", "zoe@x.invalid", "zoe@example", "z oe@example.org", "\0@example.org"]
    accepted = ["Zoe.Martin@Example.ORG", "zoe@Bücher.example.org", "zoe@xn--bcher-kva.example.com", "zoe+x@site.test"]
    for number, address in enumerate(refused + accepted):
        db.session.query(Account).delete()
        db.session.commit()
        path = links.first_admin_url().removeprefix("http://localhost")
        client, network = app.test_client(), f"203.0.{number}.1"
        answer = submit(client, path, address=address, name="Zoé", password=PASSWORD, again=PASSWORD, network=network)
        if address in refused:
            assert answer.status_code == 422, address
            assert "invalid-feedback" in answer.text
            continue
        assert answer.status_code == 303, address
        for typed in (address, db.session.query(Account).one().email, address.upper()):
            assert give_password(app.test_client(), typed, network=network).status_code == 302, typed


@pytest.mark.parametrize("password", ["a\0b" * 5, "x" * 15_000, "\ud83d" * 20, " " * 20])
def test_strange_passwords_are_wrong_and_no_error(app, password):
    make_account(password=PASSWORD)
    client = app.test_client()
    password = password.encode("utf-8", "replace").decode()
    assert give_password(client, password=password).status_code == 200
    sign_in_fully(client)
    assert submit(client, "/account/verify", password=password).status_code == 200
    new = {"new_password": password, "new_password_confirm": password}
    assert submit(client, "/account/password", password=password, **new).status_code == 200
    if len(password) > 200:
        assert submit(client, "/account/password", password=PASSWORD, **new).status_code == 200


def test_remember_cookie_of_flask_login_signs_nobody_in(app, account):
    make_petition()
    client = app.test_client()
    with app.test_request_context():
        client.set_cookie("remember_token", encode_cookie(account.fs_uniquifier))
    assert client.get("/account/").status_code == 302
    assert client.post("/p/jardin/sign", data={"name": "Zoé", "email": "zoe@example.org"}).status_code == 303
