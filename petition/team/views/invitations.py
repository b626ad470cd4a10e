"""The pages of one's own account, and the ways into it: a link, a forgotten password."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import login_user
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound, ValidationError
from petition.core.i18n import current_language
from petition.safeguards.rate_limits import rate_limited
from petition.team import accounts
from petition.team.permissions import csrf

ACCESS = "public"
# In and out of an account; the account's own page is guarded by itself.
blueprint = Blueprint("team", __name__, url_prefix="/account")
limit_link_requests = rate_limited("team links", "10/minute;30/hour")


def _error_messages(errors: dict[str, str]) -> dict[str, str]:
    known = {
        "name": _("Please give a name of up to 120 characters."),
        "password": _("Please choose a password of 12 to 200 characters."),
        "again": _("The two passwords differ: please type the same one twice."),
        "address": _("Please check this address."),
    }
    return {field: known.get(field, words) for field, words in errors.items()}


@blueprint.get("/welcome/<token>")
def welcome_page(token: str) -> Response | str | tuple[str, int]:
    """Show the form that a link leads to; a link alone changes nothing."""
    try:
        account = accounts.find_by_link(token)
    except NotFound:
        return render_template("team/void.html"), 410
    finally:
        db.session.rollback()
    return render_template("team/welcome.html", account=account, form={}, errors={})


@blueprint.post("/welcome/<token>")
@limit_link_requests
def welcome(token: str) -> Response | tuple[str, int]:
    """Set name and password, use the link up, and let the person in."""
    csrf.protect()
    form = request.form
    account = None
    try:
        account = accounts.find_by_link(token)
        if form.get("password") != form.get("again"):
            raise ValidationError({"again": "again"})
        account = accounts.accept_invitation(
            account, form.get("password", ""), form.get("name", ""), form.get("address", ""), current_language()
        )
    except NotFound:
        db.session.rollback()
        return render_template("team/void.html"), 410
    except DomainError as refusal:
        db.session.rollback()
        page = render_template("team/welcome.html", account=account, form=form, errors=_error_messages(refusal.errors))
        return page, 422
    db.session.commit()
    login_user(account, authn_via=["link"])
    return redirect(url_for("own.account"), 303)


@blueprint.get("/forgot")
def forgot_page() -> str:
    """Ask for an address."""
    return render_template("team/forgot.html", sent=False)


@blueprint.post("/forgot")
@limit_link_requests
def forgot() -> str:
    """Mail a link if the address has an account; the answer is the same for every address."""
    csrf.protect()
    accounts.request_link(request.form.get("address", "")[:320])
    db.session.commit()
    return render_template("team/forgot.html", sent=True)
