"""Set up Flask-Security under /account/, with our forms, limits, server-side sessions and the audit trail."""

import base64
import secrets
from typing import Any

import flask_security
from flask import Flask, Response, flash, g, render_template, request, session
from flask_babel import gettext as _
from flask_login import AnonymousUserMixin, user_logged_out
from flask_security import Security, SQLAlchemyUserDatastore, user_authenticated

from petition.core import clock
from petition.core.db import db
from petition.core.languages.languages import TRANSLATION_FOLDERS
from petition.team import audit, credentials, sessions
from petition.team.accounts import PASSWORD_NORMAL_FORM
from petition.team.audit import Actor
from petition.team.auth import changes, factors, forms, limits, view_checks
from petition.team.auth.login_manager import SESSION_TOKEN, SessionLoginManager
from petition.team.auth.provider import entrance
from petition.team.auth.settings import SECURITY_SETTINGS
from petition.team.models import Account, Passkey, SecurityRole
from petition.team.permissions import csrf, current_account, current_session


def _set_script_nonce() -> None:
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        g.script_nonce = secrets.token_urlsafe(16)


def _set_content_security_policy(response: Response) -> Response:
    """Allow this site's own scripts on the team's pages; public pages have none."""
    if "script_nonce" in g:  # not on the answer to a request that was refused before the team's checks
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' 'nonce-{g.script_nonce}'; connect-src 'self'; style-src 'self'; "
            "img-src 'self' data:; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
        )
    return response


def _forget_account() -> None:
    """Treat this request as signed out, so that the error page about the database does not read the account from it."""
    g._login_user = AnonymousUserMixin()


def _continue_session() -> None:
    """Renew the cookie of a session in use, and note at times that it is."""
    if not request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        return
    team_session = current_session()
    if team_session is not None:
        session.permanent = True
        sessions.touch(team_session)


def _bind_actor() -> None:
    """Tell the audit trail who makes the request."""
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        account = current_account()
        audit.bind_actor(Actor(account.id, account.email) if account else Actor(None, "nobody signed in"))


def _record_sign_in(_app: Flask, user: Account, authn_via: list[str] | None = None, **_kwargs: Any) -> None:
    """Start a session, remember the network, and commit. A changed password is no sign-in, and ends all sessions."""
    if authn_via == ["change"]:
        credentials.record_change(user, credentials.PASSWORD_CHANGED)
    else:
        user.last_sign_in_at = clock.now()
        by = {"by": "provider"} if entrance.complete(user) else None
        audit.record("signed.in", "account", user.id, after=by, actor=user.email)
    limits.remember_network(user, forms.client_networks())
    browser = sessions.describe_browser(request.headers.get("User-Agent", ""))
    session[SESSION_TOKEN] = sessions.start(user, browser)
    db.session.commit()


def _end_session(_app: Flask, **_kwargs: Any) -> None:
    """End the session of who signs out, wherever its cookie has been copied to, and commit."""
    session.pop(SESSION_TOKEN, None)
    if entrance.leave():
        flash(
            _("You are signed out here. You may still be signed in where you sign in with your organisation."), "info"
        )
    account, team_session = current_account(), current_session()
    if account and team_session:
        sessions.revoke(account, team_session.id)
        db.session.commit()


def _show_too_many_attempts(error: limits.TooManyAttempts) -> tuple[str, int, dict[str, str]]:
    """Answer 429 to an attempt on an account above its limit, alike for an address without one."""
    minutes = -(-int(error.retry_after or 60) // 60)  # type: ignore[arg-type]
    advice = _(
        "Please try again in %(minutes)s min. Signing in with a passkey still works, and so does asking for a link "
        "to choose a new password.",
        minutes=minutes,
    )
    page = render_template(
        "team/error.html", code=429, title=_("Too many attempts to sign in to this account"), advice=advice
    )
    return page, 429, {"Retry-After": str(error.retry_after)}


def init_app(app: Flask) -> Security:
    """Set up Flask-Security, its views behind limits, and the hooks of each request."""
    sessions.init_app(app)
    app.config.update({f"SECURITY_{name}": value for name, value in SECURITY_SETTINGS.items()})
    app.config["SECURITY_PASSWORD_NORMALIZE_FORM"] = PASSWORD_NORMAL_FORM
    # Its own catalogues, then ours, which have the messages that we give it.
    app.config["SECURITY_I18N_DIRNAME"] = ["builtin", *map(str, TRANSLATION_FOLDERS)]
    app.config["SECURITY_I18N_DOMAIN"] = ";".join(["flask_security", *["messages"] * len(TRANSLATION_FOLDERS)])
    with app.app_context():
        keys = [base64.urlsafe_b64encode(key) for key in factors.derive_keys("recovery codes")]
        app.config["SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS"] = keys
        # Our pages send no Referer, which Flask-WTF's strict mode requires on HTTPS; token and SameSite cookie suffice.
        app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
        csrf.init_app(app)
        security = flask_security.Security(
            app,
            SQLAlchemyUserDatastore(db, Account, SecurityRole, Passkey),
            login_form=forms.SignInForm,
            verify_form=forms.VerifyPasswordForm,
            change_password_form=forms.NewPasswordForm,
            two_factor_verify_code_form=forms.CodeForm,
            mf_recovery_form=forms.RecoveryForm,
            totp_cls=factors.EncryptedTotp,
            mf_recovery_codes_util_cls=factors.RecoveryCodes,
            mail_util_cls=forms.LookupMailUtil,
            webauthn_util_cls=factors.PasskeyUtil,
        )
        SessionLoginManager().replace(app, security)
        # `permissions` reads roles where they are required; Flask-Principal would on each public request.
        security.principal.identity_loaders.clear()
    app.before_request(_set_script_nonce)
    app.before_request(_continue_session)
    app.before_request(_bind_actor)
    app.after_request(_set_content_security_policy)
    app.register_error_handler(limits.TooManyAttempts, _show_too_many_attempts)
    view_checks.wrap(app)
    changes.connect(app)
    app.extensions.setdefault("petition.database_error_hooks", []).append(_forget_account)
    user_authenticated.connect(_record_sign_in, app)
    user_logged_out.connect(_end_session, app)
    return security
