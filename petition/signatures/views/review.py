"""Names to review on the desk: show them in the public list or not, one by one or together, and undo."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import Conflict, ValidationError
from petition.core.pagination import parse_cursor
from petition.signatures.models import ReviewState
from petition.signatures.review import decisions, queue
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
CHOICES = {"show": ReviewState.APPROVED, "hide": ReviewState.REJECTED}
blueprint = Blueprint("name_review", __name__, url_prefix="/desk/names")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/")
def index() -> str:
    """List the names that wait for a decision, those confirmed first."""
    try:
        cursor = parse_cursor(request.args.get("after"), "after")
    except ValidationError:
        cursor = None
    return render_template("signatures/review/index.html", page=queue.list_names(cursor), after=cursor)


@blueprint.post("/decide")
def decide() -> Response:
    """Decide about one name, by its own button, or about those that are ticked."""
    one = request.form.get("one", "")
    choice, _colon, line = one.partition(":") if one else (request.form.get("all", ""), "", "")
    if choice not in CHOICES:
        abort(400)
    lines = [line] if one else request.form.getlist("name")[: queue.PAGE_SIZE]
    shown = [parsed for parsed in map(_parse_line, lines) if parsed]
    if not shown:
        flash(_("Tick the names first."), "info")
        return _back()
    decided, changed = decisions.decide_many(shown, CHOICES[choice])
    db.session.commit()
    if decided and choice == "show":
        flash(ngettext("%(num)s name is shown.", "%(num)s names are shown.", decided), "success")
    elif decided:
        flash(ngettext("%(num)s name is not shown.", "%(num)s names are not shown.", decided), "success")
    if changed:
        flash(
            ngettext(
                "%(num)s name changed meanwhile, and was left as it is.",
                "%(num)s names changed meanwhile, and were left as they are.",
                changed,
            ),
            "info",
        )
    return _back()


@blueprint.get("/decided")
def decided() -> str:
    """List the latest decisions."""
    return render_template("signatures/review/decided.html", decisions=decisions.list_latest())


@blueprint.post("/decided/<int:event_id>/undo")
def undo(event_id: int) -> Response:
    """Undo a decision, unless it is no longer in force."""
    try:
        decisions.undo(event_id)
    except Conflict:
        db.session.rollback()
        flash(_("Nothing was undone: the name or the decision has changed in the meantime."), "info")
    else:
        db.session.commit()
        flash(_("The decision is undone."), "success")
    return redirect(url_for("name_review.decided"), 303)


def _parse_line(text: str) -> decisions.Shown | None:
    number, _colon, fingerprint = text.partition(":")
    return decisions.Shown(int(number), fingerprint) if number.isascii() and number.isdigit() and fingerprint else None


def _back() -> Response:
    return redirect(url_for("name_review.index", after=request.form.get("after") or None), 303)
