"""Sessions for the team's pages only. Public pages have none, whatever cookie a request carries."""

from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import NullSession, SecureCookieSessionInterface, SessionMixin

TEAM_PATH_PREFIXES = ("/account", "/ops", "/desk")
IDLE_TIMEOUT = timedelta(hours=8)
MAX_SESSION_AGE = timedelta(hours=24)  # since signing in, however active


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
