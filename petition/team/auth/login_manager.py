"""Who is signed in: read from the session and its row alone, in one query."""

from typing import Any

from flask import Flask, Response, g, session
from flask_login import LoginManager
from flask_security import Security
from flask_security.utils import set_request_attr

from petition.team import sessions

SESSION_TOKEN = "token"  # noqa: S105 - its key in the cookie


class SessionLoginManager(LoginManager):  # type: ignore[misc]
    """Flask-Login without its other ways in: no cookie that outlives the session, no token in a request."""

    def replace(self, app: Flask, security: Security) -> None:
        """Take the place of the manager that Flask-Security has set up."""
        before = security.login_manager
        app.after_request_funcs[None].remove(before._update_remember_cookie)
        self.anonymous_user, self.unauthorized_callback = before.anonymous_user, before.unauthorized_callback
        security.login_manager = app.login_manager = self  # type: ignore[attr-defined]

    def _load_user(self) -> None:
        """Set the account of the request, which Flask-Login asks for when it is first needed."""
        token, uniquifier = session.get(SESSION_TOKEN), session.get("_user_id")
        found = sessions.find(token, uniquifier) if token and uniquifier else None
        if found:
            set_request_attr("fs_authn_via", "session")
            set_request_attr("fs_paa", session.get("fs_paa", 0))
            g.team_session = found[1]
        self._update_request_context_with_user(found[0] if found else None)

    def _update_remember_cookie(self, response: Response) -> Any:
        """Set no such cookie, whatever a form asked for."""
        return response
