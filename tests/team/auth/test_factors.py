"""Second factors: every way in asks for one, each code works once, changes need a fresh sign-in and are mailed."""

import re
import threading
import time
from datetime import timedelta

import pytest
from passlib.totp import TOTP
from sqlalchemy import select
from support.factories import make_account, open_session, post_form, sign_in
from support.team_sign_in import (
    PASSWORD,
    csrf_token,
    give_password,
    next_code,
    set_up_authenticator,
    sign_in_fully,
    submit,
)

from petition.core import clock
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.team import accounts, credentials, links
from petition.team.models import Account, AuditEvent, Passkey, TeamSession

NEW = "entirely other words"


@pytest.fixture
def account(app):
    return make_account(password=PASSWORD)


def add_passkey(account, usage="first", name="this machine"):
    account.webauthn.append(
        Passkey(credential_id=name.encode(), public_key=b"key", name=name, usage=usage, backup_state=False,
                device_type="single_device", lastuse_datetime=clock.now(), transports=[])
    )  # fmt: skip
    account.fs_webauthn_user_handle = "handle"
    db.session.commit()


def link_path(account):
    path = links.invitation_url(account).removeprefix("http://localhost")
    db.session.commit()
    return path


def make_stale(client):
    with client.session_transaction("/account/") as session:
        session["fs_paa"] = time.time() - 16 * 60


def actions():
    return list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_password_link_does_not_skip_the_second_factor(app, client, account):
    authenticator = sign_in_fully(client)
    stranger = app.test_client()
    answer = submit(stranger, link_path(account), name="Alix", password=NEW, again=NEW)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/sign-in")
    assert stranger.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 302, "other sessions end"
    assert "/account/code" in give_password(stranger, password=NEW).headers["Location"]
    assert stranger.get("/account/").status_code == 302
    assert submit(stranger, "/account/code", code=next_code(authenticator)).status_code == 302
    assert stranger.get("/account/").status_code == 200


def test_password_link_of_an_account_without_second_factor_leads_to_sign_in_too(client, account):
    assert submit(client, link_path(account), name="Alix", password=NEW, again=NEW).status_code == 303
    assert client.get("/account/").status_code == 302
    assert "/account/two-factor" in give_password(client, password=NEW).headers["Location"]


def test_sign_in_that_began_before_the_second_factor_cannot_replace_it(app, client, account):
    thief = app.test_client()
    give_password(thief)
    page = submit(thief, "/account/two-factor", setup="authenticator")
    theirs = TOTP(key=re.search(r'id="authenticator-key">([^<]+)<', page.text)[1].replace("-", ""))
    sign_in_fully(client)
    secret = account.tf_totp_secret
    data = {"csrf_token": csrf_token(page), "code": theirs.generate().token}
    assert thief.post("/account/code", data=data).headers["Location"] == "/account/sign-in"
    assert thief.get("/account/two-factor").status_code == 302
    assert thief.get("/account/").status_code == 302
    db.session.refresh(account)
    assert account.tf_totp_secret == secret


def test_password_alone_does_not_sign_in_beside_a_passkey(client, account):
    add_passkey(account)
    give_password(client)
    answer = client.get("/account/two-factor")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/passkey")
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_code_is_valid_for_one_step_around_now(app, client, account, monkeypatch, steps, accepted):
    authenticator = sign_in_fully(client)
    account.tf_last_counter = None
    db.session.commit()
    other = app.test_client()
    give_password(other)
    now = time.time()
    monkeypatch.setattr(TOTP, "now", staticmethod(lambda: now))  # the step must not change under the test
    answer = submit(other, "/account/code", code=authenticator.generate(now + 30 * steps).token)
    assert (answer.status_code == 302) == accepted


def use_at_once(app, account, path, code):
    """Submit one code in several half-signed-in browsers at the same moment; return who is signed in."""
    clients, answers = [app.test_client() for _ in range(4)], []
    for client in clients:
        give_password(client)
    tokens = [csrf_token(client.get(path)) for client in clients]
    ready = threading.Barrier(len(clients))

    def submit_code(client, token):
        ready.wait(30)
        answers.append(client.post(path, data={"csrf_token": token, "code": code}).status_code)

    threads = [threading.Thread(target=submit_code, args=pair) for pair in zip(clients, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(clients)
    return sum(client.get("/account/").status_code == 200 for client in clients)


def test_code_used_at_once_signs_in_once(app, client, account):
    authenticator = sign_in_fully(client)
    assert use_at_once(app, account, "/account/code", next_code(authenticator)) == 1


def test_recovery_code_used_at_once_signs_in_once(app, client, account, sent_emails):
    sign_in_fully(client)
    page = post_form(client, "/account/recovery-codes", generate_new_codes="1")
    codes = re.findall(r"<li[^>]*>\s*([\w-]{8,})\s*</li>", page.text)
    assert use_at_once(app, account, "/account/recovery", codes[0]) == 1
    db.session.refresh(account)
    assert len(account.mf_recovery_codes) == 7
    assert actions().count("recovery-code.used") == 1


def test_password_with_accents_works_however_it_was_set(client, app):
    account = accounts.invite("zoe@example.org", {"operator"})
    words = "l’été à la plage, déjà"
    assert submit(client, link_path(account), name="Zoé", password=words, again=words).status_code == 303
    assert give_password(app.test_client(), "zoe@example.org", words).status_code == 302


def test_disabled_account_is_answered_as_a_wrong_password_is(client, account):
    wrong = give_password(client, password="not the right words")
    account.active = False
    db.session.commit()
    pages = {re.sub(r'value="[^"]*"|nonce="[^"]*"', "", page.text) for page in (wrong, give_password(client))}
    assert len(pages) == 1


CHANGES = {
    "/account/two-factor": {"setup": "authenticator"},
    "/account/recovery-codes": {"generate_new_codes": "1"},
    "/account/passkeys": {"name": "phone", "usage": "secondary"},
    "/account/passkey-delete": {"name": "this machine"},
}


@pytest.mark.parametrize("path", CHANGES)
def test_change_needs_a_fresh_sign_in(client, path):
    account = sign_in(client, "operator", password=PASSWORD)
    add_passkey(account)
    make_stale(client)
    assert "/account/verify" in client.get(path).headers["Location"]
    assert "/account/verify" in post_form(client, path, **CHANGES[path]).headers["Location"]
    assert len(account.webauthn) == 1
    asked = client.get(path).headers["Location"]
    answer = submit(client, asked, password=PASSWORD)
    assert answer.headers["Location"].split("?")[0] == path
    assert post_form(client, path, **CHANGES[path]).status_code in (200, 302)
    assert "/account/verify" not in client.get(path).headers.get("Location", "")


def test_token_of_another_account_is_no_fresh_sign_in(app, client):
    """Flask-Security's token of a set-up names no account: one made elsewhere must not be accepted here."""
    mine = app.test_client()
    sign_in(mine, "operator", password=PASSWORD)
    page = submit(mine, "/account/two-factor", setup="authenticator")
    theirs = TOTP(key=re.search(r'id="authenticator-key">([^<]+)<', page.text)[1].replace("-", ""))
    action = re.search(r'action="(/account/two-factor/[^"]+)"', page.text)[1]
    passkey = submit(mine, "/account/passkeys", name="phone", usage="secondary")
    register = re.search(r'action="(/account/passkeys/[^"]+)"', passkey.text)[1]
    victim = sign_in(client, "sender", password=PASSWORD)
    make_stale(client)
    for path in (action, register):
        answer = post_form(client, path, code=theirs.generate().token, credential="{}")
        assert "/account/verify" in answer.headers["Location"], path
    db.session.refresh(victim)
    assert not victim.has_second_factor


def test_each_change_is_audited_mailed_and_ends_other_sessions(app, client, sent_emails):
    account = sign_in(client, "operator", password=PASSWORD, language="en")

    def check(action, words):
        assert actions()[-1] == action
        run_queue("notifications")
        mail = sent_emails.pop()
        assert (mail.recipients, sent_emails) == ([account.email], [])
        assert words in mail.body
        assert words in mail.html
        assert "/account/welcome" not in mail.body
        assert other.get("/account/").status_code == 302
        assert client.get("/account/").status_code == 200
        open_session(other, account)

    other = app.test_client()
    open_session(other, account)
    set_up_authenticator(client)
    check("authenticator.set", "An authenticator app was set up")
    post_form(client, "/account/recovery-codes", generate_new_codes="1")
    check("recovery-codes.created", "New recovery codes were created")
    add_passkey(account)
    post_form(client, "/account/passkey-delete", name="this machine")
    check("passkey.deleted", "A passkey was deleted")
    answer = submit(client, "/account/password", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)
    assert answer.status_code == 302
    check("password.changed", "The password of your account was changed")


def test_first_authenticator_is_audited_and_mailed(client, account, sent_emails):
    sign_in_fully(client)
    assert "authenticator.set" in actions()
    run_queue("notifications")
    assert [mail.recipients for mail in sent_emails] == [[account.email]]


def test_later_sign_in_is_no_change(app, client, account, sent_emails):
    authenticator = sign_in_fully(client)
    other = app.test_client()
    give_password(other)
    assert submit(other, "/account/code", code=next_code(authenticator)).status_code == 302
    assert actions().count("authenticator.set") == 1
    assert client.get("/account/").status_code == 200, "the first session goes on"


def test_changed_password_voids_links_sent_before(client, account):
    sign_in_fully(client)
    path = link_path(account)
    submit(client, "/account/password", password=PASSWORD, new_password=NEW, new_password_confirm=NEW)
    assert client.get(path).status_code == 410


def test_admin_resets_the_second_factor_of_a_member(app, client, account, sent_emails):
    member = app.test_client()
    sign_in_fully(member)
    add_passkey(account)
    admin = sign_in(client, "admin", password=PASSWORD)
    page = client.get(f"/account/people/{account.id}").text
    assert f"/account/people/{account.id}/reset-second-factor" in page
    make_stale(client)
    path = f"/account/people/{account.id}/reset-second-factor"
    assert "/account/verify" in post_form(client, path).headers["Location"]
    db.session.refresh(account)
    assert account.has_second_factor
    submit(client, "/account/verify", password=PASSWORD)
    assert post_form(client, path).headers["Location"] == "/account/people"
    db.session.expire_all()
    assert not account.has_second_factor
    assert not account.mf_recovery_codes
    assert member.get("/account/").status_code == 302
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "second-factor.reset")).one()
    assert (event.actor, event.account_id, event.subject_id) == (admin.email, admin.id, str(account.id))
    run_queue("notifications")
    assert sent_emails[-1].recipients == [account.email]
    assert "/account/two-factor" in give_password(member).headers["Location"]


def test_admin_cannot_reset_their_own_second_factor(client):
    admin = sign_in(client, "admin", tf_primary_method="authenticator", tf_totp_secret="secret")
    path = f"/account/people/{admin.id}/reset-second-factor"
    assert path not in client.get(f"/account/people/{admin.id}").text
    assert post_form(client, path).status_code == 422
    with pytest.raises(credentials.OwnAccount):
        credentials.reset_second_factor(admin, admin.email, admin.id)


def test_code_page_does_not_sign_out_who_is_signed_in(client):
    sign_in(client, "operator")
    assert client.get("/account/code").headers["Location"] == "/account/"
    assert client.get("/account/").status_code == 200


def test_session_is_not_made_longer_by_confirming(client):
    account = sign_in(client, "operator", password=PASSWORD)
    submit(client, "/account/verify", password=PASSWORD)
    session = db.session.scalars(select(TeamSession).where(TeamSession.account_id == account.id)).one()
    session.created_at = clock.now() - timedelta(hours=25)
    db.session.commit()
    assert client.get("/account/").status_code == 302
    assert db.session.get(Account, account.id).active


def test_recovery_codes_are_offered_once_after_setting_up_an_authenticator(client):
    make_account(password=PASSWORD)
    give_password(client)
    page = submit(client, "/account/two-factor", setup="authenticator")
    app = TOTP(key=re.search(r'id="authenticator-key">([^<]+)<', page.text)[1].replace("-", ""))
    action = re.findall(r'action="(/account/(?:code|two-factor/[^"]+))"', page.text)[0]
    answer = client.post(action, data={"csrf_token": csrf_token(page), "code": app.generate().token})
    assert answer.headers["Location"].partition("?")[0].endswith("/account/recovery-codes")
    page = client.get("/account/recovery-codes").text
    assert page.count('class="alert') == 1
    assert "Double authentification activée. Créez maintenant des codes de secours" in page
    assert "show_codes" not in page, "there are none"
    assert "Créez maintenant des codes de secours" not in client.get("/account/recovery-codes").text
