"""Record each change of authenticator and passkeys, where Flask-Security makes it."""

from typing import Any

from flask import Flask, g, session
from flask_security import (
    tf_code_confirmed,
    tf_profile_changed,
    user_failed_authn,
    wan_deleted,
    wan_registered,
)

from petition.core.db import db
from petition.team import audit, credentials
from petition.team.auth.factors import unwrap
from petition.team.permissions import current_session


def _record(user: Any, action: str) -> None:
    """Record a change, which ends the account's other sessions; Flask-Security commits it."""
    if action == credentials.AUTHENTICATOR_SET:
        g.authenticator_set = True  # `view_checks` then offers recovery codes
    here = current_session()
    credentials.record_change(unwrap(user), action, keep_session=here.id if here else None)


def _on_authenticator_changed(_app: Flask, user: Any, **_: Any) -> None:
    _record(user, credentials.AUTHENTICATOR_SET)


def _on_code_confirmed(_app: Flask, user: Any, **_: Any) -> None:
    """Record the authenticator that is set up at the first sign-in; otherwise this is a sign-in like others."""
    if session.get("tf_state") == "validating_profile":
        _record(user, credentials.AUTHENTICATOR_SET)


def _on_passkey_added(_app: Flask, user: Any, **_: Any) -> None:
    _record(user, credentials.PASSKEY_ADDED)


def _on_passkey_deleted(_app: Flask, user: Any, **_: Any) -> None:
    _record(user, credentials.PASSKEY_DELETED)


def _on_failed_passkey(_app: Flask, user: Any, auth_type: str, **_: Any) -> None:
    """Record a passkey that was refused, and commit; `limits` records passwords and codes."""
    if auth_type == "passkey":
        account = unwrap(user)
        audit.record("sign-in.failed", "account", account.id, actor=account.email)
        db.session.commit()


def connect(app: Flask) -> None:
    """Listen to Flask-Security's signals."""
    for signal, receiver in (
        (tf_profile_changed, _on_authenticator_changed),
        (tf_code_confirmed, _on_code_confirmed),
        (wan_registered, _on_passkey_added),
        (wan_deleted, _on_passkey_deleted),
        (user_failed_authn, _on_failed_passkey),
    ):
        signal.connect(receiver, app)
