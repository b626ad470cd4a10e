"""Signing in with Flask-Security: password and one-time code, or passkey. Its settings and our extensions."""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any

import flask_security
from flask import Flask, Response, current_app, g, request, session
from flask_login import AnonymousUserMixin, logout_user
from flask_security import MailUtil, Security, SQLAlchemyUserDatastore, Totp, WebauthnUtil, user_authenticated
from flask_security.signals import user_failed_authn
from passlib.totp import TOTP
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement

from petition.core import clock
from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.core.i18n import N_
from petition.safeguards.rate_limits import client_network_hash, rate_limited
from petition.team import audit, sessions
from petition.team.accounts import MIN_PASSWORD_CHARACTERS
from petition.team.audit import Actor
from petition.team.models import Account, Passkey, SecurityRole
from petition.team.permissions import csrf, current_account

NETWORK_RATE_LIMITS = "20/minute;100/hour"
ACCOUNT_RATE_LIMITS = "10/15minutes"
RATE_LIMITED_VIEWS = (
    "login",
    "two_factor_token_validation",
    "mf_recovery",
    "wan_signin",
    "wan_signin_response",
    "verify",
)

SECURITY_SETTINGS: dict[str, Any] = {
    "URL_PREFIX": "/account",
    "LOGIN_URL": "/sign-in",
    "LOGOUT_URL": "/sign-out",
    "CHANGE_URL": "/password",
    "VERIFY_URL": "/verify",
    "TWO_FACTOR_SETUP_URL": "/two-factor",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/code",
    "TWO_FACTOR_SELECT_URL": "/second-factor",
    "MULTI_FACTOR_RECOVERY_URL": "/recovery",
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/recovery-codes",
    "WAN_REGISTER_URL": "/passkeys",
    "WAN_SIGNIN_URL": "/passkey",
    "WAN_DELETE_URL": "/passkey-delete",
    "WAN_VERIFY_URL": "/passkey-verify",
    "STATIC_FOLDER_URL": "/security-static",
    "POST_LOGIN_VIEW": "/account/",
    "POST_LOGOUT_VIEW": "/account/sign-in",
    "POST_CHANGE_VIEW": "/account/",
    "TWO_FACTOR_POST_SETUP_VIEW": "/account/",
    "WAN_POST_REGISTER_VIEW": "/account/",
    "CACHE_CONTROL": None,  # set by core.security_headers
    "RETURN_GENERIC_RESPONSES": True,
    "LOGOUT_METHODS": ["POST"],
    "LOGOUT_CSRF": True,
    "PASSWORD_HASH": "argon2",
    "PASSWORD_SCHEMES": ["argon2"],
    "PASSWORD_SINGLE_HASH": ["argon2"],
    "PASSWORD_LENGTH_MIN": MIN_PASSWORD_CHARACTERS,
    "CHANGEABLE": True,
    "SEND_PASSWORD_CHANGE_EMAIL": False,
    "TWO_FACTOR": True,
    "TWO_FACTOR_REQUIRED": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_RESCUE_EMAIL": False,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 8,
    "WEBAUTHN": True,
    "WAN_ALLOW_USER_HINTS": False,  # they would reveal which addresses have an account
    "JOIN_USER_ROLES": False,
    "API_ENABLED_METHODS": ["session"],
    "DATETIME_FACTORY": clock.now,
    "TOTP_SECRETS": {"unused": "unused"},  # required; `EncryptedTotp` derives its own
    "TOTP_ISSUER": "Petition",
    "WAN_RP_NAME": "Petition",
    "SCRIPT_NONCE_KEY": "script_nonce",
    "MSG_GENERIC_AUTHN_FAILED": (N_("That address, password or code is not right. Please try again."), "error"),
}


def derive_keys(purpose: str) -> list[bytes]:
    """Return a 32-byte key for a purpose from each secret key, the current one first."""
    keys = [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
    return [hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest() for key in keys]


class EncryptedTotp(Totp):
    """One-time codes (TOTP) whose secrets are stored encrypted under the secret keys; each code is accepted once."""

    def __init__(self, _unused: Any, issuer: str) -> None:
        keys = derive_keys("totp secrets")
        keys_by_tag = {hashlib.sha256(key).hexdigest()[:8]: key.hex() for key in reversed(keys)}
        self._totp = TOTP.using(issuer=issuer, secrets=keys_by_tag)
        # passlib would encrypt with the key whose tag sorts last, instead of the current one.
        self._totp.wallet.default_tag = next(reversed(keys_by_tag))

    def get_last_counter(self, user: Any) -> int | None:
        """Return the time step of the last accepted code."""
        return user.tf_last_counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Store the time step of an accepted code, so that it is not accepted again (RFC 6238, 5.2)."""
        user.tf_last_counter = tmatch.counter


class DisabledMailUtil(MailUtil):
    """Keeps Flask-Security from sending email: every email is sent by `delivery`."""

    def send_mail(self, *_: Any, **__: Any) -> None:
        """Send nothing."""


class PasskeyUtil(WebauthnUtil):
    """Passkeys on any authenticator; Flask-Security's default admits USB keys only, no phone or computer."""

    def authenticator_selection(self, _user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        """Require a discoverable passkey, and user verification if it is the only factor (WebAuthn 2, 5.4.4)."""
        only_factor = usage == "first"
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED
            if only_factor
            else UserVerificationRequirement.PREFERRED,
        )


def _set_script_nonce() -> None:
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        g.script_nonce = secrets.token_urlsafe(16)


def _set_content_security_policy(response: Response) -> Response:
    """Allow this site's own scripts on the team's pages; public pages have none."""
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' 'nonce-{g.script_nonce}'; connect-src 'self'; style-src 'self'; "
            "img-src 'self' data:; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
        )
    return response


def _expire_old_sessions() -> None:
    """End a session `MAX_SESSION_AGE` after signing in, however active it is."""
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES) and current_account():
        session.permanent = True
        if session.get("fs_paa", 0) < time.time() - sessions.MAX_SESSION_AGE.total_seconds():
            logout_user()


def _bind_actor() -> None:
    """Tell the audit trail who makes the request."""
    if request.path.startswith(sessions.TEAM_PATH_PREFIXES):
        account = current_account()
        audit.bind_actor(Actor(account.id, account.email) if account else Actor(None, "nobody signed in"))


def _record_sign_in(_app: Flask, user: Account, **_: Any) -> None:
    user.last_sign_in_at = clock.now()
    audit.record("signed.in", "account", user.id, actor=user.email)
    db.session.commit()


def _record_failed_sign_in(_app: Flask, user: Account | None = None, **_: Any) -> None:
    if user is not None:
        audit.record("sign-in.failed", "account", user.id, actor=user.email)
        db.session.commit()


def _account_key() -> str:
    """Return a keyed hash of the address in a form, for rate limits: Redis stores no personal data."""
    address = request.form.get("email") or session.get("tf_user_id") or "-"
    return keyed_hashes("sign-in", str(address).strip().lower())[0]


def _forget_account() -> None:
    """Let Flask-Login read no account for this request: the page that says so has no database."""
    g._login_user = AnonymousUserMixin()


def init_app(app: Flask) -> Security:
    """Set up Flask-Security under /account/, with rate limits and the audit trail."""
    sessions.init_app(app)
    app.config.update({f"SECURITY_{name}": value for name, value in SECURITY_SETTINGS.items()})
    with app.app_context():
        keys = [base64.urlsafe_b64encode(key) for key in derive_keys("recovery codes")]
        app.config["SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS"] = keys
        # Our pages send no Referer, which Flask-WTF's strict mode requires on HTTPS; token and SameSite cookie suffice.
        app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
        csrf.init_app(app)
        datastore = SQLAlchemyUserDatastore(db, Account, SecurityRole, Passkey)
        security = flask_security.Security(
            app, datastore, totp_cls=EncryptedTotp, mail_util_cls=DisabledMailUtil, webauthn_util_cls=PasskeyUtil
        )
        # Sessions only: looking for an authentication token would parse JSON before its view limits the body's size.
        security.login_manager.request_loader(None)
        # `permissions` reads roles where they are required; Flask-Principal would on each public request.
        security.principal.identity_loaders.clear()
    app.before_request(_set_script_nonce)
    app.before_request(_expire_old_sessions)
    app.before_request(_bind_actor)
    app.after_request(_set_content_security_policy)
    for name in RATE_LIMITED_VIEWS:
        view: Any = app.view_functions[f"security.{name}"]
        for limits, key in ((NETWORK_RATE_LIMITS, client_network_hash), (ACCOUNT_RATE_LIMITS, _account_key)):
            view = rate_limited(name, limits, key)(view)
        app.view_functions[f"security.{name}"] = view
    app.extensions.setdefault("petition.database_error_hooks", []).append(_forget_account)
    user_authenticated.connect(_record_sign_in, app)
    user_failed_authn.connect(_record_failed_sign_in, app)
    return security
