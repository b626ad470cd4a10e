"""Invitation links, and links to choose a new password."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import login_user
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import InvalidLink, ValidationError
from petition.core.i18n import current_language
from petition.safeguards.rate_limits import rate_limited
from petition.team import accounts, link_requests, links
from petition.team.auth.forms import client_networks
from petition.team.auth.limits import remember_network
from petition.team.invitations import find_inviters
from petition.team.labels import list_roles_with_descriptions
from petition.team.models import Account
from petition.team.permissions import csrf

ACCESS = "public"  # links are mailed to people who are not signed in
blueprint = Blueprint("invitations", __name__, url_prefix="/account")
limit_network = rate_limited("team links", "10/minute;30/hour")


def limit_link_requests(view: Callable[..., Any]) -> Callable[..., Any]:
    """Limit POST requests per network; only those with a CSRF token, so that no other site can use up the limit."""
    limited_view = limit_network(view)

    @wraps(view)
    def protected_view(*args: Any, **kwargs: Any) -> Any:
        csrf.protect()
        return limited_view(*args, **kwargs)

    return protected_view


@blueprint.errorhandler(InvalidLink)
def show_invalid_link(_error: InvalidLink) -> tuple[str, int]:
    """Answer 410 to a link that is malformed, expired, replaced or used."""
    return render_template("team/invitations/invalid_link.html"), 410


@blueprint.get("/welcome/<token>")
def welcome_page(token: str) -> str:
    """Show the form of a link. Changes nothing, as mail scanners open links."""
    account = links.get_by_link(token)
    page = _render_welcome(account, {}, {})
    db.session.rollback()  # releases the lock
    return page


def _render_welcome(account: Account | None, form: Mapping[str, str], errors: dict[str, str]) -> str:
    inviter = find_inviters([account.id]).get(account.id, "") if account else ""
    return render_template(
        "team/invitations/welcome.html", account=account, inviter=inviter, form=form, errors=errors,
        roles=list_roles_with_descriptions(account.role_names) if account else [],
    )  # fmt: skip


@blueprint.post("/welcome/<token>")
@limit_link_requests
def welcome(token: str) -> Response | tuple[str, int]:
    """Accept the invitation and sign in, or set a new password.

    A new password alone signs nobody in: that takes the second factor too, on the page for it.
    """
    form, password = request.form, request.form.get("password", "")
    account = links.get_by_link(token)
    is_new_member = account is None or (account.password is None and not account.has_second_factor)
    try:
        if password != form.get("again"):
            raise ValidationError({"again": _("The two passwords differ: please type the same one twice.")})
        account = accounts.accept_invitation(
            account, password, form.get("name", ""), form.get("address", ""), current_language()
        )
    except ValidationError as error:
        db.session.rollback()
        return _render_welcome(account, form, error.errors), 422
    # Whoever has the link reads the account's mail: strangers' wrong passwords do not stop them here.
    remember_network(account, client_networks())
    db.session.commit()
    if not is_new_member:
        flash(_("Your new password is saved. Please sign in with it."), "success")
        return redirect(url_for("security.login"), 303)
    login_user(account, authn_via=["link"])
    return redirect(url_for("desk.home"), 303)


@blueprint.get("/forgot")
def forgot_page() -> str:
    """Show the form that asks for a new link."""
    return render_template("team/invitations/request_link.html", sent=False, address="", errors={})


@blueprint.post("/forgot")
@limit_link_requests
def forgot() -> str | tuple[str, int]:
    """Have a worker mail a link if the address has an account. The same answer, as quickly, for every address."""
    address = request.form.get("address", "")
    try:
        link_requests.record_request(address)
    except ValidationError as error:
        form = {"sent": False, "address": address, "errors": error.errors}
        return render_template("team/invitations/request_link.html", **form), 422
    db.session.commit()
    return render_template("team/invitations/request_link.html", sent=True)
