"""Limits of attempts to sign in: by the account that is meant and the network, in PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from support.factories import make_account, make_petition
from support.team_sign_in import PASSWORD, give_password, sign_in_fully, submit

from petition.core import clock
from petition.core.db import db
from petition.safeguards import rate_limits
from petition.team import links
from petition.team.auth import limits
from petition.team.models import SignInAttempt, SignInNetwork

OWNER, STRANGER = "192.0.2.7", "198.51.100.7"


@pytest.fixture
def account(app):
    return make_account(password=PASSWORD)


@pytest.fixture
def no_redis(monkeypatch):
    """Without the limits of Redis: they are per network, and gone when it is."""
    monkeypatch.setattr(rate_limits, "enforce_limits", lambda *_: False)


def statuses(client, times, **fields):
    return [give_password(client, password="not the right words", **fields).status_code for _ in range(times)]


SPELLINGS = ["alix@example.org", "ALIX@example.org", " Alix@Example.ORG", "aliX@eXample.org"]


@pytest.mark.parametrize("name", ["alix", "nobody"])
def test_spellings_share_one_limit_with_and_without_an_account(client, account, no_redis, name):
    spellings = [f"{name}@example.org", f"{name.upper()}@example.org", f" {name.title()}@Example.ORG"]
    assert [status for n in range(10) for status in statuses(client, 1, email=spellings[n % 3])] == [200] * 10
    limited = give_password(client, email=f"{name}@EXAMPLE.org")
    assert limited.status_code == 429
    assert 0 < int(limited.headers["Retry-After"]) <= 900


def test_letters_that_unicode_maps_to_others_are_others(client, no_redis):
    make_account(email="sam.kim@example.org", password=PASSWORD)
    assert give_password(client, "\N{LATIN SMALL LETTER LONG S}am.kim@example.org").status_code == 200
    # The Kelvin sign is K in every normal form of Unicode: one account, and one limit.
    assert statuses(client, 10, email="Sam.\N{KELVIN SIGN}im@example.org") == [200] * 10
    assert give_password(client, "sam.kim@example.org").status_code == 429


def test_failures_elsewhere_do_not_stop_the_owner(app, account, no_redis):
    assert statuses(app.test_client(), 10, network=STRANGER)[-1] == 200
    assert give_password(app.test_client(), network=STRANGER).status_code == 429
    assert give_password(app.test_client(), network=OWNER).status_code == 302


def test_many_networks_together_stop_strangers_and_not_the_owner(app, client, account, no_redis):
    sign_in_fully(client, network=OWNER)
    for n in range(limits.MAX_DAILY_STRANGE_ATTEMPTS):
        networks = [f"network {n}"]
        limits.finish_attempt(limits.begin_attempt(account.email, networks), succeeded=False, account=account)
    assert give_password(app.test_client(), network=STRANGER).status_code == 429
    owner = app.test_client()
    assert give_password(owner, network=OWNER).status_code == 302
    # Somewhere else the owner gets in by a link to the mailbox, which shows who they are.
    link = links.invitation_url(account)
    db.session.commit()
    path = link.removeprefix("http://localhost")
    fields = {"name": "Alix", "password": PASSWORD + "!", "again": PASSWORD + "!"}
    assert submit(app.test_client(), path, network=STRANGER, **fields).status_code == 303
    assert give_password(app.test_client(), password=PASSWORD + "!", network=STRANGER).status_code == 302


def test_one_network_has_a_limit_for_a_day(app, account):
    for _ in range(limits.MAX_DAILY_ATTEMPTS):
        limits.begin_attempt(account.email, ["here"])
        db.session.execute(update(SignInAttempt).values(attempted_at=clock.now() - timedelta(hours=1)))
        db.session.execute(text("INSERT INTO sign_in_networks (subject, network) SELECT subject, 'here' "
                                "FROM sign_in_attempts ON CONFLICT DO NOTHING"))  # fmt: skip
    with pytest.raises(limits.TooManyAttempts) as raised:
        limits.begin_attempt(account.email, ["here"])
    assert raised.value.retry_after == pytest.approx(23 * 3600, abs=60)


def test_attempts_at_once_are_all_counted(app, account, monkeypatch):
    done = []

    def attempt():
        with app.app_context():
            try:
                done.append(limits.begin_attempt("alix@example.org", ["here"]))
            except limits.TooManyAttempts:
                done.append(None)

    with ThreadPoolExecutor(10) as pool:  # as many as there are connections
        for _ in range(25):
            pool.submit(attempt)
    assert len(done) == 25
    assert sum(number is not None for number in done) == limits.MAX_RECENT_ATTEMPTS


def test_right_password_does_not_count(client, account, no_redis):
    for _ in range(12):
        assert give_password(client).status_code == 302
    assert db.session.query(SignInAttempt).count() == 0


def test_nobody_signs_in_when_attempts_cannot_be_counted(client, account, monkeypatch):
    make_petition()

    def fail(*_):
        raise OperationalError("count", {}, Exception("unreadable"))

    monkeypatch.setattr(limits, "begin_attempt", fail)
    assert give_password(client).status_code == 503
    assert client.get("/account/").status_code == 302
    form = {"name": "Zoé", "email": "zoe@example.org"}
    assert client.post("/p/jardin/sign", data=form).status_code == 303


@pytest.mark.parametrize("path", ["/account/code", "/account/recovery"])
def test_codes_are_limited_by_the_account_whatever_the_form_says(app, client, account, no_redis, path):
    sign_in_fully(client)
    for n in range(10):
        other = app.test_client()
        give_password(other)
        assert submit(other, path, code="000000", email=f"{n}@example.org").status_code == 200
    other = app.test_client()
    assert give_password(other).status_code == 429, "the password is an attempt on the same account"
    here = db.session.query(SignInNetwork).one().network
    for network in ("elsewhere", here):
        if network == here:
            assert give_password(other).status_code == 302
        db.session.execute(update(SignInAttempt).values(network=network))
        db.session.commit()
    assert submit(other, path, code="000000", email="fresh@example.org").status_code == 429


def test_passwords_asked_for_again_are_limited(client, account, no_redis):
    sign_in_fully(client)
    new = {"new_password": "entirely new words", "new_password_confirm": "entirely new words"}
    for n in range(5):
        fields = {"password": f"wrong {n}", **new}
        assert submit(client, "/account/password", **fields).status_code == 200
        assert submit(client, "/account/verify", password=f"wrong {n}").status_code == 200
    assert submit(client, "/account/verify", password=PASSWORD).status_code == 429
    assert submit(client, "/account/password", **fields).status_code == 429


@pytest.mark.parametrize("path", ["sign-in", "passkey", "verify", "code", "recovery", "forgot", "passkey/x"])
def test_requests_without_a_form_stop_nobody(app, client, account, path):
    for _ in range(25):
        assert client.post(f"/account/{path}", data={"email": "alix@example.org"}).status_code == 400
    assert give_password(app.test_client()).status_code == 302


@pytest.mark.parametrize("path", ["passkey", "verify"])
def test_anonymous_requests_share_no_key(app, client, account, path):
    """Twenty valid requests from elsewhere, which once filled the one key of all who had not said who they are."""
    for _ in range(20):
        headers = {"X-Forwarded-For": STRANGER}
        page = client.get("/account/sign-in", headers=headers)
        data = {"csrf_token": page.text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]}
        assert client.post(f"/account/{path}", data=data, headers=headers).status_code in (200, 302)
    owner = app.test_client()
    assert submit(owner, "/account/passkey", network=OWNER).status_code == 200
    sign_in_fully(owner)
    assert submit(owner, "/account/verify", password=PASSWORD).status_code == 302


def test_old_attempts_and_networks_are_deleted(app, client, account):
    sign_in_fully(client)
    statuses(app.test_client(), 1, email="nobody@example.org")
    limits.delete_old()
    assert db.session.query(SignInAttempt).count() == 1
    db.session.execute(update(SignInAttempt).values(attempted_at=clock.now() - limits.DAY))
    db.session.execute(update(SignInNetwork).values(seen_at=clock.now() - limits.NETWORK_RETENTION))
    limits.delete_old()
    assert (db.session.query(SignInAttempt).count(), db.session.query(SignInNetwork).count()) == (0, 0)


def test_stored_attempts_hold_no_address(client, account):
    statuses(client, 1)
    row = db.session.query(SignInAttempt).one()
    assert row.failed
    assert "alix" not in f"{row.subject}{row.network}"
    assert len(row.subject) == len(row.network) == 32
