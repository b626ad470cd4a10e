"""Sessions of the team: ended at sign-out wherever their cookie is, listed, ended one by one or all, deleted."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update
from support.factories import make_account, make_petition, open_session, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.team import accounts, sessions, tasks
from petition.team.models import AuditEvent, TeamSession


@pytest.fixture
def account(client):
    return sign_in(client, "operator")


def copy_cookies(app, client):
    """Return another browser with the same cookie."""
    other = app.test_client()
    cookie = client.get_cookie("team", path="/")
    other.set_cookie("team", cookie.value)
    return other


def live(account):
    db.session.expire_all()
    return [session.id for session in sessions.list_live(account)]


def test_copied_cookie_ends_with_the_session(app, client, account):
    thief = copy_cookies(app, client)
    assert thief.get("/account/").status_code == 200
    assert post_form(client, "/account/sign-out").status_code == 302
    for page in ("/account/", "/account/people", "/ops/", "/desk/"):
        answer = thief.get(page)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/account/sign-in")


def test_cookie_without_a_session_of_ours_is_none(app, client, account):
    with client.session_transaction("/account/") as session:
        del session["token"]
    assert client.get("/account/").status_code == 302
    other = make_account(email="b@example.org")
    open_session(client, account)
    with client.session_transaction("/account/") as session:
        session["_user_id"] = other.fs_uniquifier
    assert client.get("/account/").status_code == 302, "the session of another account"


def test_page_lists_sessions_and_ends_one(app, client, account):
    other = app.test_client()
    open_session(other, account)
    page = client.get("/account/?lang=en").text
    assert page.count("Firefox, Linux") == 2
    assert page.count("This session") == 1
    there, here = live(account)
    assert f"/account/sessions/{here}/end" not in page
    assert post_form(client, f"/account/sessions/{there}/end").status_code == 303
    assert (other.get("/account/").status_code, client.get("/account/").status_code) == (302, 200)
    assert live(account) == [here]
    stranger = make_account(email="b@example.org")
    open_session(other, stranger)
    (theirs,) = live(stranger)
    assert post_form(client, f"/account/sessions/{theirs}/end").status_code == 404
    assert live(stranger) == [theirs]


def test_sign_out_everywhere(app, client, account):
    other = app.test_client()
    open_session(other, account)
    assert post_form(client, "/account/sessions/end-all").headers["Location"] == "/account/sign-in"
    assert (other.get("/account/").status_code, client.get("/account/").status_code) == (302, 302)
    assert db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()[-1] == "sessions.ended"


def test_changed_role_and_disabled_account_end_sessions(app, client):
    admin = sign_in(client, "admin", password="four words are enough")
    member, there = make_account(), app.test_client()
    for change in (lambda: accounts.set_roles(member, {"sender"}), lambda: accounts.set_active(member, False)):
        open_session(there, member)
        assert there.get("/account/").status_code == 200
        change()
        db.session.commit()
        member.active = True
        db.session.commit()
        assert there.get("/account/").status_code == 302
    assert post_form(client, f"/account/people/{admin.id}", role=["admin", "sender"]).status_code == 303
    assert client.get("/account/").status_code == 200, "one's own session goes on"


def test_session_ends_after_hours_without_use(client, account):
    seen = clock.now() - sessions.IDLE_TIMEOUT - timedelta(minutes=1)
    db.session.execute(update(TeamSession).values(last_seen_at=seen))
    db.session.commit()
    assert client.get("/account/").status_code == 302


def test_use_is_noted_once_in_a_while(client, account):
    def seen():
        db.session.expire_all()
        return db.session.scalars(select(TeamSession.last_seen_at)).one()

    first = seen()
    client.get("/account/")
    assert seen() == first
    db.session.execute(update(TeamSession).values(last_seen_at=first - sessions.TOUCH_INTERVAL))
    db.session.commit()
    client.get("/account/")
    assert seen() > first


def test_request_reads_the_session_once(app, client, account):
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert client.get("/account/audit").status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([s for s in statements if "accounts" in s or "team_sessions" in s or "passkeys" in s]) == 1


def test_ended_sessions_are_deleted(app, client, account):
    for change in (
        {"revoked_at": clock.now()},
        {"created_at": clock.now() - sessions.MAX_SESSION_AGE},
        {"last_seen_at": clock.now() - sessions.IDLE_TIMEOUT},
    ):
        sessions.start(account, "old")
        db.session.execute(update(TeamSession).where(TeamSession.browser == "old").values(**change))
        tasks.run_retention()
        assert db.session.scalars(select(TeamSession.browser)).all() == ["Firefox, Linux"]
    assert client.get("/account/").status_code == 200


def test_stored_session_holds_a_hash(client, account):
    with client.session_transaction("/account/") as session:
        token = session["token"]
    assert token not in str(db.session.scalars(select(TeamSession.token_hash)).all())
    assert len(token) >= 32


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 "
         "Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iOS"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
         "Chrome, Android"),
        ("curl/8", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_browser_is_described_by_its_family(header, name):
    assert sessions.describe_browser(header) == name


@pytest.mark.parametrize("cookie", ["1|2", "x|" + "0" * 128, "", "\N{SNOWMAN}"])
def test_remember_cookie_means_nothing(app, client, cookie):
    make_petition()
    browser = app.test_client()
    browser.set_cookie("remember_token", cookie)
    form = {"name": "Zoé", "email": "zoe@example.org"}
    assert browser.post("/p/jardin/sign", data=form).status_code == 303
    assert browser.post("/api/v1/petitions/jardin/signatures", json=form).status_code == 202
    assert browser.get("/account/").status_code == 302
