"""The page of one's own account."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.team.accounts import update_profile
from petition.team.permissions import current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("own", __name__, url_prefix="/account")
require_roles(blueprint)


@blueprint.get("/")
def account() -> str:
    """Show the account and its sign-in methods."""
    return _render(errors={})


@blueprint.post("/")
def save() -> Response | tuple[str, int]:
    """Change name and language."""
    account = current_account()
    assert account is not None
    try:
        update_profile(account, request.form.get("name", ""), request.form.get("language", ""))
    except ValidationError as error:
        return _render(error.errors), 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("own.account"), 303)


def _render(errors: dict[str, str]) -> str:
    return render_template(
        "team/profile/index.html", account=current_account(), email_languages=LANGUAGES, errors=errors
    )
