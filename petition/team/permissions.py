"""Who may come in: strangers are sent to sign in, others are told that a page is not theirs."""

from collections.abc import Mapping

from flask import Blueprint, abort, has_request_context, redirect, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from petition.team.models import Account

csrf = CSRFProtect()


def current_account() -> Account | None:
    """Return the account that is signed in, read anew at each request; None for a stranger."""
    if not has_request_context() or not current_user or not current_user.is_authenticated:
        return None
    account: Account = current_user._get_current_object()
    return account


def require_roles(blueprint: Blueprint, *roles: str, max_body_bytes: Mapping[str, int] | None = None) -> None:
    """Open a blueprint to accounts with one of the roles, and to any account without roles; an admin has every role.

    A stranger is sent to sign in (302), a wrong role is refused (403), a form without its token too (400). `longest`:
    how many bytes may be sent to a view, by its name, where that is more than elsewhere.
    """

    @blueprint.before_request
    def _check() -> Response | None:
        view = (request.endpoint or "").rpartition(".")[2]
        if max_body_bytes and view in max_body_bytes:
            request.max_content_length = request.max_form_memory_size = max_body_bytes[view]
        return check_access(*roles)


def check_access(*roles: str) -> Response | None:
    """Return where a stranger is sent, or None for who may come in. Aborts with 403 or 400."""
    account = current_account()
    if account is None:
        here = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("security.login", next=here))
    if not account.has_any_role(*roles):
        abort(403)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        csrf.protect()
    return None
