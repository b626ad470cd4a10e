"""Sessions: a cookie on the team's pages only, and a row for each sign-in, which ends it wherever the cookie is.

Public pages have no session, whatever cookie a request carries.
"""

import hashlib
import re
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import NullSession, SecureCookieSessionInterface, SessionMixin
from sqlalchemy import select, update

from petition.core import clock
from petition.core.db import db, execute_autocommit
from petition.team import queries
from petition.team.models import Account, TeamSession

TEAM_PATH_PREFIXES = ("/account", "/ops", "/desk")
IDLE_TIMEOUT = timedelta(hours=8)
MAX_SESSION_AGE = timedelta(hours=24)  # since signing in, however active
TOUCH_INTERVAL = timedelta(minutes=5)  # how exact `last_seen_at` is
TOKEN_BYTES = 24

# What the User-Agent header of a browser family contains, and its name; the first match counts, as most imitate others.
BROWSERS = (
    (r"Edg[A-Z]?\w*/", "Edge"), (r"OPR/|Opera", "Opera"), (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"), (r"Chrom(e|ium)/|CriOS/", "Chrome"), (r"Safari/", "Safari"),
)  # fmt: skip
SYSTEMS = (
    (r"Android", "Android"), (r"iPhone|iPad", "iOS"), (r"Windows", "Windows"), (r"Mac OS X|Macintosh", "macOS"),
    (r"CrOS", "ChromeOS"), (r"Linux|X11", "Linux"),
)  # fmt: skip


class TeamSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, for `TEAM_PATH_PREFIXES` only."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """Return the session; on public pages an empty one that cannot be written to, and nobody is signed in."""
        if not request.path.startswith(TEAM_PATH_PREFIXES):
            # Otherwise Flask-Login, when a template asks who reads it, would read a cookie of its own, and write here.
            g._login_user = app.login_manager.anonymous_user()  # type: ignore[attr-defined]
            return NullSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, on the team's pages."""
        if not isinstance(session, NullSession):
            super().save_session(app, session, response)


def describe_browser(user_agent: str) -> str:
    """Return the family of a browser and its system, such as "Firefox, Linux"; "" for anything else."""
    found = [
        next((name for pattern, name in names if re.search(pattern, user_agent)), "") for names in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(name for name in found if name)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def start(account: Account, browser: str) -> str:
    """Record a session of an account and return its token, for the cookie. Flushes."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), clock.now()
    db.session.add(
        TeamSession(account_id=account.id, token_hash=_hash(token), browser=browser, created_at=now, last_seen_at=now)
    )
    db.session.flush()
    return token


def _is_live() -> Any:
    now = clock.now()
    return (
        TeamSession.revoked_at.is_(None)
        & (TeamSession.created_at > now - MAX_SESSION_AGE)
        & (TeamSession.last_seen_at > now - IDLE_TIMEOUT)
    )


def find(token: str, uniquifier: str) -> tuple[Account, TeamSession] | None:
    """Return the active account and the session that a cookie names, in one query; None if it has ended."""
    query = (
        select(Account, TeamSession)
        .join(TeamSession, TeamSession.account_id == Account.id)
        .where(TeamSession.token_hash == _hash(token), Account.fs_uniquifier == uniquifier, Account.active, _is_live())
    )
    row = db.session.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def touch(session: TeamSession) -> None:
    """Note that a session is in use, at most once per `TOUCH_INTERVAL`; commits by itself."""
    now = clock.now()
    if session.last_seen_at < now - TOUCH_INTERVAL:
        values = {"id": session.id, "now": now, "seen_before": now - TOUCH_INTERVAL}
        execute_autocommit(queries.TOUCH_SESSION, values)


def list_live(account: Account) -> list[TeamSession]:
    """Return the sessions of an account that have not ended, newest first."""
    query = select(TeamSession).where(TeamSession.account_id == account.id, _is_live())
    return list(db.session.scalars(query.order_by(TeamSession.id.desc())))


def revoke(account: Account, session_id: int) -> bool:
    """End a session of an account; return whether there was one. Flushes."""
    return _revoke(TeamSession.account_id == account.id, TeamSession.id == session_id) > 0


def revoke_all(account: Account, *, keep: int | None = None) -> int:
    """End all sessions of an account but one, and return how many. Flushes."""
    return _revoke(TeamSession.account_id == account.id, TeamSession.id != (keep or 0))


def _revoke(*criteria: Any) -> int:
    query = update(TeamSession).where(*criteria, TeamSession.revoked_at.is_(None)).values(revoked_at=clock.now())
    return db.session.execute(query.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]


def delete_ended() -> None:
    """Delete the sessions that have ended. Does not commit."""
    now = clock.now()
    values = {"created_before": now - MAX_SESSION_AGE, "seen_before": now - IDLE_TIMEOUT}
    db.session.execute(queries.DELETE_OLD_SESSIONS, values)


def init_app(app: Flask) -> None:
    """Install the interface, with an HttpOnly, SameSite=Lax cookie."""
    app.session_interface = TeamSessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME="team",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.config["PUBLIC_URL"].startswith("https:"),
        PERMANENT_SESSION_LIFETIME=IDLE_TIMEOUT,
    )
