"""Whose account a person at the provider gets, and what keeps others out of it."""

import threading
from contextlib import nullcontext
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from support.factories import make_account, make_petition, open_session, post_form
from support.provider_sign_in import HEADERS, authorize, come_back, leave, shown, sign_in_by
from support.team_sign_in import PASSWORD, csrf_token, give_password, next_code, sign_in_fully, submit

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.team import accounts, link_requests, links
from petition.team.auth.provider import entrance, members
from petition.team.cli import team
from petition.team.models import Account, AuditEvent, SignInIdentity, TeamRole, TeamSession

NO_ACCOUNT = "There is no account here for your address at Orga"
NOT_ADMITTED = "Your account at Orga does not give access"
UNVERIFIED = "Orga does not say that your email address is verified"
DEACTIVATED = "Your account here is deactivated"
LINKED_TO_ANOTHER = "is linked to another account at Orga"


@pytest.fixture
def account(app):
    return make_account(language="en")


def is_signed_in(client):
    return client.get("/account/").status_code == 200


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def settings(app, monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setitem(app.config, f"PETITION_OIDC_{name.upper()}", value)


def test_verified_address_links_once_then_the_subject_counts(app, client, provider, account):
    sign_in_by(client, provider)
    assert is_signed_in(client)
    identity = db.session.query(SignInIdentity).one()
    assert (identity.account_id, identity.issuer, identity.subject) == (account.id, provider.issuer, "42")
    assert actions() == ["provider.linked", "signed.in"]
    assert db.session.query(Delivery.kind).scalar() == "credentials_changed"
    other = app.test_client()
    sign_in_by(other, provider, email="new@example.org", email_verified=False)
    assert is_signed_in(other)
    assert actions()[2:] == ["signed.in"]
    assert "linked on" in other.get("/account/", headers=HEADERS).text


def test_nobody_gets_an_account_by_an_address_that_is_not_theirs(app, client, provider, account):
    for person in (
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": ["alix@example.org"]},
    ):
        assert UNVERIFIED in shown(client, sign_in_by(client, provider, **person))
    assert NO_ACCOUNT in shown(client, sign_in_by(client, provider, email="other@example.org"))
    assert not is_signed_in(client)
    assert db.session.query(SignInIdentity).count() == 0
    assert db.session.query(Account).count() == 1


def test_address_given_to_another_person_opens_no_linked_account(app, client, provider, account):
    sign_in_by(client, provider)
    other = app.test_client()
    assert LINKED_TO_ANOTHER in shown(other, sign_in_by(other, provider, sub="43"))
    assert not is_signed_in(other)
    assert actions()[-1] == "sign-in.failed"


def test_account_with_a_second_factor_is_linked_by_it(app, client, provider):
    account = make_account(password=PASSWORD, language="en")
    authenticator = sign_in_fully(app.test_client())
    answer = sign_in_by(client, provider, next_url="/account/audit", amr=["mfa"])
    assert urlsplit(answer.headers["Location"]).path == "/account/code"
    assert not is_signed_in(client)
    assert db.session.query(SignInIdentity).count() == 0, "before the code nothing is linked"
    thief = app.test_client()
    assert urlsplit(sign_in_by(thief, provider, amr=["mfa"]).headers["Location"]).path == "/account/code"
    wrong = submit(client, "/account/code", code="000000")
    assert wrong.status_code == 200
    assert submit(client, "/account/code", code=next_code(authenticator)).status_code == 302
    assert is_signed_in(client)
    assert db.session.query(SignInIdentity).one().account_id == account.id
    again = app.test_client()
    sign_in_by(again, provider, amr=["mfa"])
    assert is_signed_in(again), "once linked, a factor is not asked for twice"


def test_link_that_waited_too_long_is_not_made(app, client, provider, monkeypatch):
    make_account(password=PASSWORD)
    authenticator = sign_in_fully(app.test_client())
    monkeypatch.setattr(entrance, "ENTRY_TTL_SECONDS", -1)
    sign_in_by(client, provider)
    submit(client, "/account/code", code=next_code(authenticator))
    assert is_signed_in(client)
    assert db.session.query(SignInIdentity).count() == 0


def test_of_two_who_wait_with_one_address_one_is_linked(app, provider):
    account = make_account(password=PASSWORD, language="en")
    authenticator = sign_in_fully(app.test_client())
    first, second = app.test_client(), app.test_client()
    for number, client in enumerate((first, second)):
        sign_in_by(client, provider, sub=str(number))
    submit(first, "/account/code", code=next_code(authenticator))
    assert is_signed_in(first)
    account.tf_last_counter = None
    db.session.commit()
    answer = submit(second, "/account/code", code=next_code(authenticator))
    assert "lié à un autre compte chez Orga" in shown(second, answer)
    assert not is_signed_in(second)
    assert db.session.query(SignInIdentity.subject).scalar() == "0"


def test_link_begun_by_one_is_not_another_members(app, client, provider, account):
    make_account(email="zoe@example.org", password=PASSWORD)
    settings_before = app.config["PETITION_OIDC_TRUST_SECOND_FACTOR"]
    app.config["PETITION_OIDC_TRUST_SECOND_FACTOR"] = False
    try:
        sign_in_by(client, provider)  # leads to an authenticator's set-up, and is left there
        sign_in_fully(client, "zoe@example.org")
    finally:
        app.config["PETITION_OIDC_TRUST_SECOND_FACTOR"] = settings_before
    assert is_signed_in(client)
    assert db.session.query(SignInIdentity).count() == 0


@pytest.mark.parametrize(
    ("amr", "is_asked"),
    [
        (["pwd"], True), (["pwd", "sms"], True), (["otp", "hwk"], True), (None, True), ("mfa", False), (["mfa"], False),
        (["pwd", "otp"], False), (["hwk", "fpt"], False), ([7, {}], True), ({"mfa": 1}, True),
    ],
)  # fmt: skip
def test_second_factor_is_asked_for_unless_the_provider_saw_one(
    app, client, provider, account, monkeypatch, amr, is_asked
):
    settings(app, monkeypatch, trust_second_factor=False)
    answer = sign_in_by(client, provider, amr=amr) if amr != "mfa" else sign_in_by(client, provider, amr=["mfa", "pwd"])
    if isinstance(amr, dict):
        assert not is_signed_in(client), "a malformed claim is refused"
        return
    assert ("/account/two-factor" in answer.headers["Location"]) == is_asked
    assert is_signed_in(client) != is_asked


def test_deactivated_account_does_not_come_back(app, client, provider, account, monkeypatch):
    other = app.test_client()
    sign_in_by(other, provider)
    accounts.set_active(account, False)
    db.session.commit()
    assert not is_signed_in(other)
    settings(app, monkeypatch, roles={"team": {"admin"}})
    for person in ({}, {"sub": "43"}, {"email": "new@example.org"}):
        answer = sign_in_by(client, provider, groups=["team"], **person)
        message = shown(client, answer)
        assert DEACTIVATED in message or LINKED_TO_ANOTHER in message
        assert not is_signed_in(client)
    assert db.session.query(Account).count() == 1
    db.session.refresh(account)
    assert (account.active, account.role_names) == (False, ["operator"])


def test_deactivated_before_it_was_linked(client, provider, account):
    accounts.set_active(account, False)
    db.session.commit()
    assert DEACTIVATED in shown(client, sign_in_by(client, provider))
    assert db.session.query(SignInIdentity).count() == 0


def test_roles_make_accounts_and_follow_the_claim(app, client, provider, monkeypatch):
    make_account(email="admin@example.org", role_names=["admin"], password=PASSWORD)
    settings(app, monkeypatch, roles={"press": {"campaigner", "sender"}, "it": {"operator"}}, role_claim="access.roles")
    assert NOT_ADMITTED in shown(client, sign_in_by(client, provider, access={"roles": ["kitchen"]}))
    assert db.session.query(Account).count() == 1
    sign_in_by(client, provider, access={"roles": ["press", "kitchen"]}, name=" Alix Martin ")
    assert is_signed_in(client)
    account = accounts.get_by_email("alix@example.org")
    assert (account.name, account.role_names, account.is_invited) == ("Alix Martin", ["campaigner", "sender"], False)
    assert account.password is None
    first = db.session.query(TeamSession).one()
    sign_in_by(app.test_client(), provider, access={"roles": "it"})
    db.session.expire_all()
    assert account.role_names == ["operator"]
    assert first.revoked_at, "another role ends the sessions from before"
    other = app.test_client()
    assert NOT_ADMITTED in shown(other, sign_in_by(other, provider, access={}))
    assert [action for action in actions() if action != "signed.in"] == [
        "provider.joined", "provider.linked", "roles.changed"
    ]  # fmt: skip


def test_roles_of_an_account_with_a_factor_change_after_it(app, client, provider, monkeypatch):
    make_account(email="admin@example.org", role_names=["admin"], password=PASSWORD)
    account = make_account(password=PASSWORD)
    authenticator = sign_in_fully(app.test_client())
    settings(app, monkeypatch, roles={"press": {"sender"}})
    sign_in_by(client, provider, groups=["press"])
    db.session.refresh(account)
    assert account.role_names == ["operator"]
    submit(client, "/account/code", code=next_code(authenticator))
    db.session.refresh(account)
    assert account.role_names == ["sender"]


def test_last_administrator_stays_one(app, client, provider, monkeypatch):
    account = make_account(role_names=["admin"])
    settings(app, monkeypatch, roles={"press": {"sender"}})
    sign_in_by(client, provider, groups=["press"])
    assert is_signed_in(client)
    db.session.refresh(account)
    assert account.role_names == ["admin"]


def test_domains_and_a_claim_can_be_required(app, client, provider, account, monkeypatch):
    settings(app, monkeypatch, domains=["example.com"], required_claim=("department", "campaigns"))
    right = {"department": ["campaigns"], "email": "alix@example.com"}
    make_account(email="alix@example.com")
    for wrong in ({"department": "press"}, {"department": None}, {"email": "alix@example.org"}):
        assert NOT_ADMITTED in shown(client, sign_in_by(client, provider, **right | wrong))
    assert UNVERIFIED in shown(client, sign_in_by(client, provider, **right | {"email_verified": False}))
    sign_in_by(client, provider, **right)
    assert is_signed_in(client)


def test_invitation_is_accepted_by_the_provider(app, client, provider):
    account = accounts.invite("alix@example.org", {TeamRole.SENDER}, actor="test")
    db.session.commit()
    link = links.invitation_url(account).removeprefix("http://localhost")
    assert client.get(link).status_code == 200
    sign_in_by(client, provider, name="Alix")
    db.session.refresh(account)
    assert (account.name, account.is_invited) == ("Alix", False)
    assert app.test_client().get(link).status_code == 410
    with pytest.raises(accounts.AlreadyMember):
        accounts.invite("alix@example.org", {TeamRole.ADMIN}, actor="test")


def test_mailbox_gives_no_password_to_who_signs_in_by_the_provider(app, client, provider, account):
    sign_in_by(client, provider)
    link_requests.record_request("alix@example.org")
    db.session.commit()
    link_requests.process_requests()
    assert "link.asked" not in actions()
    members.unlink(account, "test")
    link_requests.record_request("alix@example.org")
    db.session.commit()
    link_requests.process_requests()
    assert "link.asked" in actions()


def test_first_sign_ins_at_once_make_one_account(app, provider, monkeypatch):
    settings(app, monkeypatch, roles={"press": {"sender"}})
    provider.person = {"sub": "42", "email": "alix@example.org", "email_verified": True, "groups": ["press"]}
    clients = [app.test_client() for _ in range(4)]
    backs = [authorize(leave(client)) for client in clients]
    statuses = []

    def run(number):
        with app.app_context():
            statuses.append(come_back(clients[number], backs[number]).status_code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [303] * 4
    assert all(is_signed_in(client) for client in clients)
    assert (db.session.query(Account).count(), db.session.query(SignInIdentity).count()) == (1, 1)


def test_administrator_undoes_a_link(app, client, provider, account):
    sign_in_by(client, provider)
    admin, desk = make_account(email="admin@example.org", role_names=["admin"]), app.test_client()
    open_session(desk, admin)
    assert "Undo the link" in desk.get(f"/account/people/{account.id}?lang=en").text
    assert post_form(desk, f"/account/people/{account.id}/unlink-provider").status_code == 303
    assert not is_signed_in(client)
    sign_in_by(client, provider, sub="43")
    assert db.session.query(SignInIdentity.subject).scalar() == "43"


def test_command_undoes_a_link(app, client, provider, account):
    sign_in_by(client, provider)
    provide = AppProvider(lambda: nullcontext(app))
    result = CliRunner().invoke(team, ["unlink-provider", account.email], obj=provide)
    assert result.exit_code == 0, result.output
    assert db.session.query(SignInIdentity).count() == 0


def test_fresh_sign_in_is_confirmed_by_the_provider(app, client, provider, account):
    sign_in_by(client, provider, auth_time=1)
    page = client.get("/account/passkeys")
    assert urlsplit(page.headers["Location"]).path == "/account/verify"
    assert 'name="password"' not in client.get("/account/verify").text
    provider.person["auth_time"] = None
    old = come_back(client, authorize(leave(client, "/account/passkeys", "/account/verify")))
    assert "did not confirm just now" in shown(client, old)
    assert provider.authorizations[-1]["prompt"] == "login"
    assert provider.authorizations[-1]["max_age"] == "0"
    del provider.person["auth_time"]
    provider.person["sub"] = "43"
    stranger = come_back(client, authorize(leave(client, "/account/passkeys", "/account/verify")))
    assert "did not confirm just now" in shown(client, stranger)
    assert client.get("/account/passkeys").status_code == 302
    provider.person["sub"] = "42"
    fresh = come_back(client, authorize(leave(client, "/account/passkeys", "/account/verify")))
    assert fresh.headers["Location"] == "/account/passkeys"
    assert client.get("/account/passkeys").status_code == 200


def test_sign_in_that_was_begun_as_another_member_confirms_nobody(app, client, provider, account):
    sign_in_by(client, provider)
    back = authorize(leave(client, page="/account/verify"))
    post_form(client, "/account/sign-out")
    assert "did not confirm just now" in shown(client, come_back(client, back))
    assert not is_signed_in(client)


def test_signing_out_here_has_the_provider_ask_next_time(client, provider, account):
    sign_in_by(client, provider)
    post_form(client, "/account/sign-out")
    assert not is_signed_in(client)
    assert "peut-être encore ouverte" in client.get("/account/sign-in").text
    authorize(leave(client))
    assert provider.authorizations[-1]["prompt"] == "login"
    authorize(leave(client))
    assert "prompt" not in provider.authorizations[-1]


def test_password_works_while_the_provider_is_down(client, provider):
    make_account(password=PASSWORD)
    provider.close()
    assert "does not answer" in shown(client, leave(client))
    assert give_password(client).status_code == 302
    sign_in_fully(client)
    assert is_signed_in(client)


def test_nothing_of_the_person_is_logged_or_audited(client, provider, account, capfd):
    make_petition()
    sign_in_by(client, provider, name="A name of a person", secret="hush")
    events = db.session.query(AuditEvent).order_by(AuditEvent.id)
    found = [(event.action, event.before, event.after) for event in events]
    assert found == [("provider.linked", None, None), ("signed.in", None, {"by": "provider"})]
    output = "".join(capfd.readouterr())
    assert not any(word in output for word in ("A name of", "hush", "alix@"))


def test_buttons_are_forms_with_a_token(client, provider, account):
    for path in ("/account/sign-in", "/account/sign-in?lang=fr"):
        page = client.get(path)
        assert "Orga" in page.text
        assert csrf_token(page)
