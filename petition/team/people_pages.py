"""For admins: who belongs to the team, and what each may do."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Refusal
from petition.team import accounts
from petition.team.access import guard
from petition.team.models import ADMIN, CAMPAIGNER, OPERATOR, SENDER, Account

ACCESS = "admin"
blueprint = Blueprint("people", __name__, url_prefix="/account")
guard(blueprint, ADMIN)


def role_words() -> dict[str, str]:
    """Return what each role lets people do, in the reader's language."""
    return {
        OPERATOR: _("watches the mail queue and acts on it"),
        CAMPAIGNER: _("runs petitions and their signatures"),
        SENDER: _("sends follow-up mailings"),
        ADMIN: _("may do everything, and invites the others"),
    }


def _words(errors: dict[str, str], person: Account | None = None) -> dict[str, str]:
    known = {"address": _("Please check this address: it may be mistyped, or belong to the team already.")}
    last = _("This is the last admin: make another one first.")
    known["roles"] = last if person else _("Please choose at least one role.")
    return {field: known.get(field, words) for field, words in errors.items()}


@blueprint.get("/people")
def index() -> str:
    """List the team."""
    return render_template("team/people.html", people=accounts.every(), form={}, errors={})


@blueprint.post("/people")
def invite() -> Response | tuple[str, int]:
    """Mail an invitation."""
    form = request.form
    try:
        account = accounts.invite(
            form.get("address", ""), set(form.getlist("role")), form.get("name", ""), form.get("language", "fr")
        )
    except Refusal as refusal:
        db.session.rollback()
        kept = {"address": form.get("address", ""), "roles": form.getlist("role")}
        page = render_template("team/people.html", people=accounts.every(), form=kept, errors=_words(refusal.errors))
        return page, 422
    db.session.commit()
    flash(_("The invitation for %(address)s is on its way.", address=account.email), "success")
    return redirect(url_for("people.index"), 303)


def _person(account_id: int, *, lock: bool = False) -> Account:
    return db.session.get(Account, account_id, with_for_update=lock or None, populate_existing=lock) or abort(404)


@blueprint.get("/people/<int:account_id>")
def person(account_id: int) -> str:
    """Show what one person may do."""
    return render_template("team/person.html", person=_person(account_id), errors={})


def _changed(account_id: int, **change: Any) -> Response | tuple[str, int]:
    found = _person(account_id, lock=True)
    try:
        if "roles" in change:
            accounts.set_roles(found, change["roles"])
        else:
            accounts.set_active(found, change["active"])
    except Refusal as refusal:
        db.session.rollback()
        last = found if change.get("roles") or "active" in change else None
        page = render_template("team/person.html", person=_person(account_id), errors=_words(refusal.errors, last))
        return page, 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("people.index"), 303)


@blueprint.post("/people/<int:account_id>")
def change(account_id: int) -> Response | tuple[str, int]:
    """Change somebody's roles."""
    return _changed(account_id, roles=set(request.form.getlist("role")))


@blueprint.post("/people/<int:account_id>/disable")
def disable(account_id: int) -> Response | tuple[str, int]:
    """Shut somebody out."""
    return _changed(account_id, active=False)


@blueprint.post("/people/<int:account_id>/enable")
def enable(account_id: int) -> Response | tuple[str, int]:
    """Let somebody in again."""
    return _changed(account_id, active=True)
