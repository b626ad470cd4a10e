"""Take signatures away as a file: which columns, then the download."""

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from flask_babel import gettext as _

from petition.core import clock
from petition.core.exceptions import DomainError
from petition.exports.signatures_csv import COLUMNS, DEFAULT_COLUMNS, SignaturesExport
from petition.signatures.search.filters import Filter
from petition.signatures.search.search import MAX_COUNTED_ROWS, SearchTimeout, search
from petition.signatures.views.search import get_saved_search_or_404
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("exports", __name__, url_prefix="/desk/signatures/export")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/", defaults={"search_id": None})
@blueprint.get("/<int:search_id>")
def choose(search_id: int | None) -> str:
    """Ask which columns are wanted."""
    return _render_page(_filter(search_id), search_id, DEFAULT_COLUMNS)


@blueprint.post("/", defaults={"search_id": None})
@blueprint.post("/<int:search_id>")
def download(search_id: int | None) -> Response | tuple[str, int]:
    """Stream the file. A connection that is cut shows as a failed download: the last piece never came."""
    which, columns = _filter(search_id), request.form.getlist("column")
    try:
        export = SignaturesExport(which, columns)
    except DomainError:
        return _render_page(which, search_id, [], _("Choose at least one column.")), 422
    pieces = stream_with_context(iter(export))
    response = current_app.response_class(pieces, mimetype="text/csv")
    name = f"signatures-{clock.now():%Y-%m-%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def _filter(search_id: int | None) -> Filter:
    return Filter() if search_id is None else get_saved_search_or_404(search_id)


def _render_page(which: Filter, search_id: int | None, chosen: object, error: str | None = None) -> str:
    try:
        number = search(which, limit=1).total
    except SearchTimeout:
        number = None
    return render_template(
        "exports/choose.html",
        which=which.criteria(),
        search_id=search_id,
        number=number,
        counted=MAX_COUNTED_ROWS,
        columns=list(COLUMNS),
        chosen=chosen,
        error=error,
    )
