"""What comes before Flask-Security's views: limits per network, fresh authentication, no way around a second factor."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_security.tf_plugin import tf_clean_session
from sqlalchemy import select
from werkzeug import Response

from petition.core.db import db
from petition.safeguards.rate_limits import rate_limited
from petition.team.models import Account
from petition.team.permissions import check_fresh, csrf, current_account

View = Callable[..., Any]
Check = Callable[[], Response | None]

NETWORK_RATE_LIMITS = "20/minute;100/hour"
RATE_LIMITED_VIEWS = (
    "login",
    "two_factor_token_validation",
    "mf_recovery",
    "wan_signin",
    "wan_signin_response",
    "verify",
)
# Views whose token Flask-Security does not bind to an account: one made for another account must not do in place of a
# fresh authentication. With the page that starts again.
FRESH_VIEWS = {
    "two_factor_setup_validate": "security.two_factor_setup",
    "wan_register_response": "security.wan_register",
}


def _before(view: View, check: Check) -> View:
    """Return a view that is preceded by a check, which may answer in its place."""

    @wraps(view)
    def checked_view(*args: Any, **kwargs: Any) -> Any:
        answer = check()
        return view(*args, **kwargs) if answer is None else answer

    return checked_view


def _check_csrf() -> None:
    """Refuse a form without a token before it is counted: another site could use up its visitors' limits."""
    if request.method == "POST":
        csrf.protect()


def _check_fresh_for(page: str) -> Check:
    def check() -> Response | None:
        return check_fresh(url_for(page)) if current_account() else None

    return check


def _check_signed_out() -> Response | None:
    """Send home who is signed in: Flask-Security would sign them out, on a GET too."""
    return redirect(url_for("profile.account")) if current_account() else None


def _check_has_no_factor() -> Response | None:
    """Refuse to set up an authenticator after the password alone where the account has a factor by now."""
    if current_account() or session.get("tf_state") not in ("setup_from_login", "validating_profile"):
        return None
    account = db.session.scalar(select(Account).where(Account.fs_uniquifier == session.get("tf_user_id")))
    if account is None or not account.has_second_factor:
        return None
    tf_clean_session()  # type: ignore[no-untyped-call]
    flash(_("This account is signed in to with its passkey or its authenticator app."), "info")
    return redirect(url_for("security.wan_signin" if account.webauthn else "security.login"))


def _then_offer_recovery_codes(view: View) -> View:
    """Lead who has just set up an authenticator, and has no recovery codes, to the page that makes them."""

    @wraps(view)
    def offering_view(*args: Any, **kwargs: Any) -> Any:
        answer = view(*args, **kwargs)
        account = current_account()
        if not g.pop("authenticator_set", False) or account is None or account.mf_recovery_codes:
            return answer
        session.pop("_flashes", None)  # Flask-Security's, which says the first half of this
        flash(
            _("Two-factor authentication is on. Create recovery codes now: they let you in if you lose your phone."),
            "success",
        )
        return redirect(url_for("security.mf_recovery_codes"))

    return offering_view


def wrap(app: Flask) -> None:
    """Put the checks before the views."""

    def replace(name: str, change: Callable[[View], View]) -> None:
        endpoint = f"security.{name}"
        app.view_functions[endpoint] = change(app.view_functions[endpoint])

    for name in ("two_factor_setup", "two_factor_token_validation"):
        replace(name, lambda view: _before(view, _check_has_no_factor))
    for name in ("two_factor_setup_validate", "two_factor_token_validation"):
        replace(name, _then_offer_recovery_codes)
    for name in ("two_factor_token_validation", "two_factor_rescue", "tf_select"):
        replace(name, lambda view: _before(view, _check_signed_out))
    for name, page in FRESH_VIEWS.items():
        replace(name, lambda view, page=page: _before(view, _check_fresh_for(page)))  # type: ignore[misc]
    for name in RATE_LIMITED_VIEWS:
        replace(name, rate_limited(name, NETWORK_RATE_LIMITS))
        replace(name, lambda view: _before(view, _check_csrf))
