"""Invitation links, and links to choose a new password."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_security import login_user
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import InvalidLink, ValidationError
from petition.core.i18n import current_language
from petition.safeguards.rate_limits import rate_limited
from petition.team import accounts
from petition.team.permissions import csrf

ACCESS = "public"  # links are mailed to people who are not signed in
MAX_ADDRESS_CHARACTERS = 320
blueprint = Blueprint("team", __name__, url_prefix="/account")
limit_link_requests = rate_limited("team links", "10/minute;30/hour")


@blueprint.errorhandler(InvalidLink)
def show_invalid_link(_error: InvalidLink) -> tuple[str, int]:
    """Answer 410 to a link that is malformed, expired, replaced or used."""
    return render_template("team/invitations/invalid_link.html"), 410


@blueprint.get("/welcome/<token>")
def welcome_page(token: str) -> str:
    """Show the form of a link. Changes nothing, as mail scanners open links."""
    account = accounts.get_by_link(token)
    db.session.rollback()  # releases the lock
    return render_template("team/invitations/welcome.html", account=account, form={}, errors={})


@blueprint.post("/welcome/<token>")
@limit_link_requests
def welcome(token: str) -> Response | tuple[str, int]:
    """Accept the invitation or set the new password, and sign in."""
    csrf.protect()
    form, password = request.form, request.form.get("password", "")
    account = accounts.get_by_link(token)
    try:
        if password != form.get("again"):
            raise ValidationError({"again": _("The two passwords differ: please type the same one twice.")})
        account = accounts.accept_invitation(
            account, password, form.get("name", ""), form.get("address", ""), current_language()
        )
    except ValidationError as error:
        db.session.rollback()
        return render_template("team/invitations/welcome.html", account=account, form=form, errors=error.errors), 422
    db.session.commit()
    login_user(account, authn_via=["link"])
    return redirect(url_for("own.account"), 303)


@blueprint.get("/forgot")
def forgot_page() -> str:
    """Show the form that asks for a new link."""
    return render_template("team/invitations/request_link.html", sent=False)


@blueprint.post("/forgot")
@limit_link_requests
def forgot() -> str:
    """Mail a link if the address has an account. The response is the same for every address."""
    csrf.protect()
    accounts.request_link(request.form.get("address", "")[:MAX_ADDRESS_CHARACTERS])
    db.session.commit()
    return render_template("team/invitations/request_link.html", sent=True)
