"""Export signatures as a file: choice of columns, then the download."""

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from flask_babel import gettext as _

from petition.core import clock
from petition.core.exceptions import ValidationError
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
    """Ask for the columns."""
    return _render(_criteria(search_id), search_id, DEFAULT_COLUMNS)


@blueprint.post("/", defaults={"search_id": None})
@blueprint.post("/<int:search_id>")
def download(search_id: int | None) -> Response | tuple[str, int]:
    """Stream the file. If it fails half-way, the last chunk is missing and browsers report a failed download."""
    criteria, columns = _criteria(search_id), request.form.getlist("column")
    try:
        export = SignaturesExport(criteria, columns)
    except ValidationError:
        return _render(criteria, search_id, [], _("Choose at least one column.")), 422
    chunks = stream_with_context(iter(export))
    response = current_app.response_class(chunks, mimetype="text/csv")
    name = f"signatures-{clock.now():%Y-%m-%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def _criteria(search_id: int | None) -> Filter:
    return Filter() if search_id is None else get_saved_search_or_404(search_id)


def _render(criteria: Filter, search_id: int | None, chosen: Sequence[str], error: str | None = None) -> str:
    try:
        total = search(criteria, limit=1).total
    except SearchTimeout:
        total = None
    return render_template(
        "exports/choose.html",
        criteria=criteria.criteria(),
        search_id=search_id,
        total=total,
        max_counted=MAX_COUNTED_ROWS,
        columns=list(COLUMNS),
        chosen=chosen,
        error=error,
    )
