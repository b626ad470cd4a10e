"""The page of one's own account."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.team.permissions import current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("own", __name__, url_prefix="/account")
require_roles(blueprint)


@blueprint.get("/")
def account() -> str:
    """Show the account, and the ways to sign in to it."""
    return render_template("team/account.html", account=current_account(), errors={})


@blueprint.post("/")
def save() -> Response | tuple[str, int]:
    """Change name and language."""
    account, name, language = current_account(), request.form.get("name", "").strip(), request.form.get("language")
    assert account is not None
    if not 1 <= len(name) <= 120 or language not in LANGUAGES:
        errors = {"name": _("Please give a name of up to 120 characters.")}
        return render_template("team/account.html", account=account, errors=errors), 422
    account.name, account.language = name, language
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("own.account"), 303)
