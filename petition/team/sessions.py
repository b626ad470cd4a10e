"""Sessions for the team's pages alone: a signer's page has none, whatever cookie comes with the request."""

from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SecureCookieSessionInterface, SessionMixin

TEAM_PATH_PREFIXES = ("/account", "/ops", "/desk")
IDLE_TIMEOUT = timedelta(hours=8)
MAX_SESSION_AGE = timedelta(hours=24)  # since the sign-in


class TeamSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, opened under the team's addresses only."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """Return the session, or under a public address one that can be read, is empty and is never kept."""
        if not request.path.startswith(TEAM_PATH_PREFIXES):
            return NullSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie, under the team's addresses."""
        if not isinstance(session, NullSession):
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Bind sessions to the team's pages; the cookie goes to this site alone, and no script reads it."""
    app.session_interface = TeamSessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME="team",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.config["PUBLIC_URL"].startswith("https:"),
        PERMANENT_SESSION_LIFETIME=IDLE_TIMEOUT,
    )
