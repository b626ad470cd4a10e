"""Export signatures as a file: choice of format and columns, then the download."""

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from flask_babel import gettext as _

from petition.core import clock
from petition.core.exceptions import ValidationError
from petition.core.i18n import current_language
from petition.exports.columns import COLUMNS, DEFAULT_COLUMNS
from petition.exports.file_formats import EXTENSIONS, FILE_FORMATS, MIME_TYPES, FileFormat
from petition.exports.signatures_export import SignaturesExport
from petition.petitions.queries import find_by_slug
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
    """Ask for the format and the columns."""
    return _render(_criteria(search_id), search_id, DEFAULT_COLUMNS)


@blueprint.post("/", defaults={"search_id": None})
@blueprint.post("/<int:search_id>")
def download(search_id: int | None) -> Response | tuple[str, int]:
    """Send the file. If it fails half-way, the last chunk is missing and browsers report a failed download."""
    criteria, columns = _criteria(search_id), request.form.getlist("column")
    chosen = request.form.get("format", FileFormat.CSV.value)
    if chosen not in FILE_FORMATS:
        return _render(criteria, search_id, columns, error={"format": _("Please choose one of these.")}), 422
    file_format = FileFormat(chosen)
    try:
        export = SignaturesExport(criteria, columns, file_format, current_language())
    except ValidationError:
        error = {"columns": _("Choose at least one column.")}
        return _render(criteria, search_id, columns, file_format, error), 422
    chunks = stream_with_context(iter(export))
    response = current_app.response_class(chunks, mimetype=MIME_TYPES[file_format])
    name = f"signatures-{clock.now():%Y-%m-%d-%H%M}.{EXTENSIONS[file_format]}"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def _criteria(search_id: int | None) -> Filter:
    """Return what is exported: a saved search, else the petition that the address names, else everything."""
    if search_id is not None:
        return get_saved_search_or_404(search_id)
    slug = request.args.get("petition")
    return Filter(petition=find_by_slug(slug).slug) if slug else Filter()


def _render(
    criteria: Filter,
    search_id: int | None,
    columns: Sequence[str],
    file_format: FileFormat = FileFormat.XLSX,
    error: dict[str, str] | None = None,
) -> str:
    try:
        total = search(criteria, limit=1).total
    except SearchTimeout:
        total = None
    return render_template(
        "exports/export/choose.html",
        criteria=criteria.criteria(),
        slug=None if search_id else criteria.petition,
        search_id=search_id,
        total=total,
        max_counted=MAX_COUNTED_ROWS,
        formats={
            FileFormat.XLSX: _("workbook of Excel or LibreOffice (XLSX)"),
            FileFormat.CSV_SEMICOLON: _(
                "CSV separated by semicolons: for spreadsheets that write 1,5, as in French and Spanish"
            ),
            FileFormat.CSV: _(
                "CSV separated by commas: for spreadsheets that write 1.5, as in English, and for programs"
            ),
        },
        chosen_format=file_format,
        columns=list(COLUMNS),
        chosen=columns,
        error=error or {},
    )
