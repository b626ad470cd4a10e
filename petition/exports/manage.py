"""Take signatures away as a file: which columns, then the download."""

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from flask_babel import gettext as _

from petition.core import clock
from petition.core.errors import Refusal
from petition.exports.csv import COLUMNS, USUAL, Export
from petition.signatures.filters import Filter
from petition.signatures.search import COUNTED, TooSlow, search
from petition.signatures.search_pages import kept_or_404
from petition.team.access import guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
blueprint = Blueprint("exports", __name__, url_prefix="/desk/signatures/export")
guard(blueprint, CAMPAIGNER)


@blueprint.get("/", defaults={"search_id": None})
@blueprint.get("/<int:search_id>")
def choose(search_id: int | None) -> str:
    """Ask which columns are wanted."""
    return _page(_filter(search_id), search_id, USUAL)


@blueprint.post("/", defaults={"search_id": None})
@blueprint.post("/<int:search_id>")
def download(search_id: int | None) -> Response | tuple[str, int]:
    """Stream the file. A connection that is cut shows as a failed download: the last piece never came."""
    which, columns = _filter(search_id), request.form.getlist("column")
    try:
        export = Export(which, columns)
    except Refusal:
        return _page(which, search_id, [], _("Choose at least one column.")), 422
    pieces = stream_with_context(iter(export))
    response = current_app.response_class(pieces, mimetype="text/csv")
    name = f"signatures-{clock.now():%Y-%m-%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def _filter(search_id: int | None) -> Filter:
    return Filter() if search_id is None else kept_or_404(search_id)


def _page(which: Filter, search_id: int | None, chosen: object, error: str | None = None) -> str:
    try:
        number = search(which, limit=1).number
    except TooSlow:
        number = None
    return render_template(
        "exports/choose.html",
        which=which.given(),
        search_id=search_id,
        number=number,
        counted=COUNTED,
        columns=list(COLUMNS),
        chosen=chosen,
        error=error,
    )
