"""For admins: who belongs to the team, and what each may do."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.team import accounts
from petition.team.models import Account, TeamRole
from petition.team.permissions import require_roles

ACCESS = "admin"
blueprint = Blueprint("people", __name__, url_prefix="/account")
require_roles(blueprint, TeamRole.ADMIN)


def _error_messages(errors: dict[str, str], person: Account | None = None) -> dict[str, str]:
    known = {"address": _("Please check this address: it may be mistyped, or belong to the team already.")}
    last = _("This is the last admin: make another one first.")
    known["roles"] = last if person else _("Please choose at least one role.")
    return {field: known.get(field, words) for field, words in errors.items()}


@blueprint.get("/people")
def index() -> str:
    """List the team."""
    return render_template("team/people.html", people=accounts.list_all(), form={}, errors={})


@blueprint.post("/people")
def invite() -> Response | tuple[str, int]:
    """Mail an invitation."""
    form = request.form
    try:
        account = accounts.invite(
            form.get("address", ""), set(form.getlist("role")), form.get("name", ""), form.get("language", "fr")
        )
    except DomainError as refusal:
        db.session.rollback()
        kept = {"address": form.get("address", ""), "roles": form.getlist("role")}
        page = render_template(
            "team/people.html", people=accounts.list_all(), form=kept, errors=_error_messages(refusal.errors)
        )
        return page, 422
    db.session.commit()
    flash(_("The invitation for %(address)s is on its way.", address=account.email), "success")
    return redirect(url_for("people.index"), 303)


def _get_or_404(account_id: int, *, lock: bool = False) -> Account:
    return db.session.get(Account, account_id, with_for_update=lock or None, populate_existing=lock) or abort(404)


@blueprint.get("/people/<int:account_id>")
def person(account_id: int) -> str:
    """Show what one person may do."""
    return render_template("team/person.html", person=_get_or_404(account_id), errors={})


def _update_account(account_id: int, **change: Any) -> Response | tuple[str, int]:
    found = _get_or_404(account_id, lock=True)
    try:
        if "roles" in change:
            accounts.set_roles(found, change["roles"])
        else:
            accounts.set_active(found, change["active"])
    except DomainError as refusal:
        db.session.rollback()
        last = found if change.get("roles") or "active" in change else None
        page = render_template(
            "team/person.html", person=_get_or_404(account_id), errors=_error_messages(refusal.errors, last)
        )
        return page, 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("people.index"), 303)


@blueprint.post("/people/<int:account_id>")
def change(account_id: int) -> Response | tuple[str, int]:
    """Change somebody's roles."""
    return _update_account(account_id, roles=set(request.form.getlist("role")))


@blueprint.post("/people/<int:account_id>/disable")
def disable(account_id: int) -> Response | tuple[str, int]:
    """Shut somebody out."""
    return _update_account(account_id, active=False)


@blueprint.post("/people/<int:account_id>/enable")
def enable(account_id: int) -> Response | tuple[str, int]:
    """Let somebody in again."""
    return _update_account(account_id, active=True)
