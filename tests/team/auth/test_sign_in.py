"""Signing in with password and code, recovery codes, and the end of sessions."""

import re
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import update
from support.factories import make_account, post_form, sign_in
from support.settings import SECRET_KEY, environment
from support.team_sign_in import PASSWORD, csrf_token, give_password, set_up_authenticator, submit

from config import Config
from petition.app import create_app
from petition.core import clock
from petition.core.db import db
from petition.team import accounts
from petition.team.auth.factors import EncryptedTotp
from petition.team.models import Account, AuditEvent, TeamSession


@pytest.fixture
def account(app):
    return make_account(password=PASSWORD)


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_password_alone_does_not_sign_in(client, account):
    answer = give_password(client)
    assert answer.status_code == 302
    assert "/account/two-factor" in answer.headers["Location"]
    assert client.get("/account/").status_code == 302


def test_password_then_code(client, account):
    give_password(client)
    app = set_up_authenticator(client)
    assert client.get("/account/").status_code == 200
    post_form(client, "/account/sign-out")
    assert client.get("/account/").status_code == 302
    give_password(client)
    assert client.get("/account/").status_code == 302, "the code is still missing"
    assert submit(client, "/account/code", code="000000").status_code == 200
    assert client.get("/account/").status_code == 302
    db.session.refresh(account)
    used = submit(client, "/account/code", code=app.generate(account.tf_last_counter * app.period).token)
    assert client.get("/account/").status_code == 302, "a code is accepted once"
    assert used.status_code == 200
    later = app.generate(time.time() + 30).token
    assert submit(client, "/account/code", code=later).status_code == 302
    assert client.get("/account/").status_code == 200
    assert "signed.in" in actions()


@pytest.mark.parametrize(("language", "said"), [
    ("en", "That address, password or code is not right."), ("fr", "L’adresse, le mot de passe ou le code"),
    ("es", "no son correctos"),
])  # fmt: skip
def test_a_wrong_password_is_said_in_the_reader_s_language(client, account, language, said):
    path = f"/account/sign-in?lang={language}"
    assert said in submit(client, path, email=account.email, password="not this one").text


def test_wrong_password_and_unknown_address_are_answered_alike(client, account):
    wrong, unknown = (
        give_password(client, password="not the right words"),
        give_password(client, email="nobody@example.org"),
    )
    assert (wrong.status_code, unknown.status_code) == (200, 200)
    shown = [re.sub(r'value="[^"]*"|nonce="[^"]*"', "", page.text) for page in (wrong, unknown)]
    assert shown[0] == shown[1]
    assert "sign-in.failed" in actions()


def test_codes_work_after_a_key_rotation(client, account, database_url, redis_url):
    give_password(client)
    app = set_up_authenticator(client)
    settings = environment(database_url, redis_url, SECRET_KEY="a newer key, as long as it has to be")
    rotated = create_app(Config(settings | {"SECRET_KEY_FALLBACKS": SECRET_KEY.replace(" ", "_").replace(",", "_")}))
    rotated.config["SECRET_KEY_FALLBACKS"] = [SECRET_KEY]
    with rotated.app_context():
        same = db.session.get(Account, account.id)
        secret = same.tf_totp_secret
        codes = EncryptedTotp(None, "Petition")
        assert codes.verify_totp(app.generate(time.time() + 30).token, secret, same, window=60)
        fresh = codes.generate_totp_secret()
        rotated.config["SECRET_KEY_FALLBACKS"] = []
        newest = EncryptedTotp(None, "Petition")
        assert newest.get_totp_uri("x", fresh)
        with pytest.raises(Exception, match="tag"):
            newest.get_totp_uri("x", secret)


def test_recovery_code_replaces_the_app_once(client, account):
    give_password(client)
    set_up_authenticator(client)
    page = post_form(client, "/account/recovery-codes", generate_new_codes="1")
    code = re.search(r"<li[^>]*>\s*([\w-]{8,})\s*</li>", page.text)[1]
    post_form(client, "/account/sign-out")
    give_password(client)
    assert submit(client, "/account/recovery", code=code).status_code == 302
    assert client.get("/account/").status_code == 200
    post_form(client, "/account/sign-out")
    give_password(client)
    assert submit(client, "/account/recovery", code=code).status_code == 200
    assert client.get("/account/").status_code == 302


def test_disabled_account_and_changed_role_take_effect_on_the_next_request(client, app):
    account = sign_in(client, "operator")
    assert client.get("/account/audit").status_code == 200
    account.role_names = ["sender"]
    db.session.commit()
    assert client.get("/account/audit").status_code == 403
    account.active = False
    db.session.commit()
    assert client.get("/account/").status_code == 302


def test_session_ends_with_a_new_password_and_after_a_day(client, app):
    sign_in(client, "operator")
    assert client.get("/account/").status_code == 200
    db.session.execute(update(TeamSession).values(created_at=clock.now() - timedelta(hours=24, minutes=1)))
    db.session.commit()
    assert client.get("/account/").status_code == 302
    account = sign_in(client, "sender")
    assert client.get("/account/").status_code == 200
    accounts.accept_invitation(account, "another four words", "Alix")
    db.session.commit()
    assert client.get("/account/").status_code == 302


def test_signing_in_is_rate_limited(client, account):
    answers = [give_password(client, password="wrong words here").status_code for _ in range(11)]
    assert answers[:10] == [200] * 10
    limited = give_password(client)
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.parametrize("next_", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_sign_in_redirects_to_this_site_only(client, account, next_):
    give_password(client)
    app = set_up_authenticator(client)
    post_form(client, "/account/sign-out")
    data = {"csrf_token": csrf_token(client.get("/account/sign-in")), "email": account.email, "password": PASSWORD}
    answer = client.post("/account/sign-in", query_string={"next": next_}, data=data)
    assert urlsplit(answer.headers.get("Location", "")).netloc == ""
    if answer.status_code == 302:
        data = {"csrf_token": csrf_token(client.get("/account/code")), "code": app.generate(time.time() + 30).token}
        answer = client.post("/account/code", query_string={"next": next_}, data=data)
        assert urlsplit(answer.headers.get("Location", "")).netloc == ""
