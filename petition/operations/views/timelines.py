"""The one search, and the timelines of a signature and of an email."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.ids import find_by_id
from petition.delivery.models import Delivery
from petition.operations import search as searches
from petition.operations import timeline
from petition.signatures.models import Signature
from petition.signatures.search.search import SearchTimeout
from petition.signatures.staff.team_view import for_team
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
MAX_QUERY_LENGTH = 320
blueprint = Blueprint("timelines", __name__, url_prefix="/ops")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/signatures")
def index() -> str:
    """Show the search form."""
    return render_template("operations/timelines/search.html", found=None, query="")


@blueprint.post("/signatures")
def search() -> str | Response:
    """Find what a number, a request id, an address or a name stands for, with an audit event; a sole hit opens.

    By POST: neither an address nor a name belongs in a URL.
    """
    query = request.form.get("query", "")[:MAX_QUERY_LENGTH].replace("\0", "")
    try:
        found = searches.find(query)
    except SearchTimeout as error:
        flash(str(error), "warning")
        return render_template("operations/timelines/search.html", found=None, query=query)
    audit.record("signature.searched", "signature", after={"by": found.by, "found": len(found)})
    db.session.commit()
    if len(found) == 1 and found.deliveries:
        return redirect(url_for("timelines.email", delivery_id=found.deliveries[0].id), 303)
    return render_template("operations/timelines/search.html", found=found, query=query)


@blueprint.get("/signatures/<int:signature_id>")
def signature(signature_id: int) -> str:
    """Show the timeline of a signature, with an audit event."""
    signature = find_by_id(Signature, signature_id)
    if signature is None:
        abort(404)
    events = timeline.build_timeline(signature)
    audit.record("signature.viewed", "signature", signature_id)
    db.session.commit()
    return render_template(
        "operations/timelines/signature.html", signature=for_team(signature), events=events, translate=_
    )


@blueprint.get("/emails/<int:delivery_id>")
def email(delivery_id: int) -> str:
    """Show the timeline of one email, to whomever it went."""
    delivery = find_by_id(Delivery, delivery_id)
    if delivery is None:
        abort(404)
    events = timeline.build_email_timeline(delivery)
    return render_template("operations/timelines/email.html", delivery=delivery, events=events, translate=_)
