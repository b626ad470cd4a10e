"""The page on which anybody asks for the list of all that an address signed here: it is mailed to that address."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import explicit_language
from petition.petitions.views.public import SignForm
from petition.safeguards.rate_limits import rate_limited
from petition.signatures.personal.own_signatures import record_request

ACCESS = "public"
blueprint = Blueprint("own_signatures", __name__)


@blueprint.get("/my-signatures")
def ask() -> str:
    """Show the form; once it was sent, what happens next: the same for every address."""
    return render_template("signatures/own_signatures/ask.html", sent="sent" in request.args, form=None)


@blueprint.post("/my-signatures")
@rate_limited("list", "20/hour")
def send() -> Response | tuple[str, int]:
    """Record the request."""
    try:
        record_request(request.form.get("email", ""))
    except ValidationError as error:
        form = SignForm(request.form, error.errors)
        return render_template("signatures/own_signatures/ask.html", sent=False, form=form), 422
    db.session.commit()
    return redirect(url_for("own_signatures.ask", sent=1, lang=explicit_language()), 303)
