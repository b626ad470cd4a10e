"""Require sign-in and a role for the views of a blueprint."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, g, has_request_context, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_login import current_user
from flask_security.utils import check_and_update_authn_fresh
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.team import unsaved_forms
from petition.team.models import Account, TeamSession

csrf = CSRFProtect()


def current_account() -> Account | None:
    """Return the account that is signed in, read from the database on each request; None without one."""
    if not has_request_context() or not current_user or not current_user.is_authenticated:
        return None
    account: Account = current_user._get_current_object()
    return account


def current_session() -> TeamSession | None:
    """Return the session of this request; None for who is not signed in."""
    return g.get("team_session") if current_account() else None


def check_fresh(next_url: str) -> Response | None:
    """Return None for who gave password or passkey lately, else a redirect to the page that asks for it again.

    `next_url`: the page that it leads on to.
    """
    config = current_app.config
    if check_and_update_authn_fresh(config["SECURITY_FRESHNESS"], config["SECURITY_FRESHNESS_GRACE_PERIOD"]):
        return None
    flash(_("Please confirm first that it is you."), "info")
    return redirect(url_for("security.verify", next=next_url), 303)


PartnerCheck = Callable[[Account, str, Mapping[str, Any]], bool]
_PARTNER_CHECK, _PARTNER_VIEWS = "petition.partner_check", "petition.partner_views"


def register_partner_check(app: Flask, check: PartnerCheck) -> None:
    """Register what says whether an account without a role in the team may open a page that names a petition.

    It is called with the account, the role that the page asks of a partner, and the arguments of the page's address;
    it raises `NotFound` for what is none of the account's partners'.
    """
    app.extensions[_PARTNER_CHECK] = check


def may_as_partner(account: Account, role: str) -> bool:
    """Say whether an account acts for a partner that has a role in some petition."""
    check: PartnerCheck | None = current_app.extensions.get(_PARTNER_CHECK)
    return bool(check and check(account, role, {}))


PartnerGrants = Callable[[Account, int], Collection[str]]
_PARTNER_GRANTS = "petition.partner_grants"


def register_partner_grants(app: Flask, list_grants: PartnerGrants) -> None:
    """Register what returns the roles of a partner that an account may act in at a petition, by its number."""
    app.extensions[_PARTNER_GRANTS] = list_grants


def list_partner_grants(account: Account, petition_id: int) -> Collection[str]:
    """Return the roles of a partner that an account without a role in the team may act in at a petition."""
    list_grants: PartnerGrants | None = current_app.extensions.get(_PARTNER_GRANTS)
    return list_grants(account, petition_id) if list_grants and not account.role_names else ()


def list_partner_views() -> Mapping[str, str]:
    """Return the pages (endpoints) that are open to partners, with the role that each asks for."""
    found: Mapping[str, str] = current_app.extensions.get(_PARTNER_VIEWS, {})
    return found


def require_roles(
    blueprint: Blueprint,
    *roles: str,
    max_body_bytes: Mapping[str, int] | None = None,
    partners: Mapping[str, str] | None = None,
) -> None:
    """Restrict a blueprint to accounts with one of the roles, or to any account if none is given.

    `partners`: by view name, the views that partners of the petition may use too, and the role that each asks for.

    Answers 302 to the sign-in page without an account, 403 without a role (an admin has all), 400 to a form without a
    valid CSRF token. What was typed into a form of the desk is kept, and shown after signing in. `max_body_bytes`: by
    view name, for views that take more than the application's maximum.
    """

    @blueprint.before_request
    def _check_request() -> Response | None:
        view = (request.endpoint or "").rpartition(".")[2]
        if max_body_bytes and view in max_body_bytes:
            request.max_content_length = request.max_form_memory_size = max_body_bytes[view]
        return check_access(*roles)

    def _record(state: BlueprintSetupState) -> None:
        views = {f"{blueprint.name}.{view}": role for view, role in (partners or {}).items()}
        state.app.extensions.setdefault(_PARTNER_VIEWS, {}).update(views)

    blueprint.record(_record)


def _may_make_request(account: Account) -> bool:
    """Say whether an account may make this request for a partner. Raises `NotFound`."""
    asked = list_partner_views().get(request.endpoint or "")
    check: PartnerCheck | None = current_app.extensions.get(_PARTNER_CHECK)
    return bool(asked and check and check(account, asked, request.view_args or {}))


def check_access(*roles: str) -> Response | None:
    """Return None if the request is allowed, else a redirect to the sign-in page. Aborts with 403 or 400.

    Raises `NotFound` for what is of a petition that none of the account's partners shares.
    """
    account = current_account()
    if account is None:
        here = request.full_path.rstrip("?") if request.method == "GET" or _keep_form() else None
        return redirect(url_for("security.login", next=here))
    if not account.has_any_role(*roles) and not _may_make_request(account):
        abort(403)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        try:
            csrf.protect()
        except CSRFError:  # of a session that has ended meanwhile
            if not _keep_form():
                raise
            return redirect(request.path, 303)
    return None


def _keep_form() -> bool:
    """Keep what a form of the desk sent, if its token names an account: nothing typed is lost. Commits."""
    owner = unsaved_forms.find_owner(request.form.get(unsaved_forms.OWNER_FIELD, ""))
    kept = owner is not None and unsaved_forms.keep(owner, request.path, request.form.items(multi=True))
    db.session.commit()
    return kept
