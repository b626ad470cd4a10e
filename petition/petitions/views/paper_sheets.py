"""Pages of sheets of paper: type one, find it, check it against its scan, strike it, put it back."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import importer, scans, sheets
from petition.petitions.paper.download import send_scan
from petition.petitions.paper.labels import paper_problem_message, scan_problem_message
from petition.petitions.paper.models import PaperImport
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("paper_sheets", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, max_body_bytes={"add_scan": scans.MAX_SCAN_BYTES + 64 * 1024})
EMPTY_ROW = dict.fromkeys(sheets.ROW_FIELDS, "")


def _render_form(
    petition: Petition, sheet: sheets.Sheet, problems: Mapping[int, tuple[str, str]], status: int = 200, **more: Any
) -> Response:
    rows = [*sheet.rows, *[EMPTY_ROW] * (sheets.ROWS - len(sheet.rows))]
    body = render_template(
        "petitions/paper_sheets/form.html",
        petition=petition,
        sheet=sheet,
        rows=rows,
        problems={index: paper_problem_message(kind, detail) for index, (kind, detail) in problems.items()},
        count=get_count(petition),
        **{"sheet_error": False, **more},
    )
    return make_response(body, status)


@blueprint.get("/<slug>/paper/sheet")
def form(slug: str) -> Response:
    """Show an empty form for the lines of a sheet."""
    return _render_form(get_or_404(slug), sheets.Sheet("", request.args.get("day", "")[:10]), {})


@blueprint.post("/<slug>/paper/sheet")
def add(slug: str) -> Response:
    """Add the lines of a sheet, which count at once; all of them, or none while one is wrong."""
    petition, account = get_or_404(slug, lock=True), current_account()
    columns = {name: request.form.getlist(name)[: sheets.ROWS] for name in sheets.ROW_FIELDS}
    length = max(map(len, columns.values()))
    rows = [
        {name: (values[index] if index < len(values) else "").replace("\0", "") for name, values in columns.items()}
        for index in range(length)
    ]
    day = request.form.get("signed_on", "").replace("\0", "").strip()
    sheet = sheets.Sheet(request.form.get("sheet", "").replace("\0", ""), day, rows)
    try:
        file, added = sheets.add_sheet(petition, sheet, (account.name or account.email) if account else "")
    except sheets.SheetProblems as problem:
        db.session.rollback()
        return _render_form(get_or_404(slug), sheet, problem.lines, 422, sheet_error=problem.sheet)
    after = {"import": file.id, "sheet": file.sheet, "added": added}
    audit.record("paper.sheet_added", "petition", petition.slug, after=after)
    db.session.commit()
    flash(
        ngettext(
            "Sheet %(sheet)s: %(num)s signature added. It counts now.",
            "Sheet %(sheet)s: %(num)s signatures added. They count now.",
            added,
            sheet=file.sheet,
        ),
        "success",
    )
    return redirect(url_for("paper_sheets.form", slug=slug, day=day or None), 303)


def _lock(slug: str, import_id: int) -> tuple[Petition, PaperImport]:
    petition = get_or_404(slug, lock=True)
    return petition, importer.find_import(petition, import_id, lock=True)


def _redirect(slug: str, import_id: int) -> Response:
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/strike-sheet")
def strike(slug: str, import_id: int) -> Response:
    """Take a whole sheet out of the count."""
    petition, file = _lock(slug, import_id)
    try:
        struck = sheets.strike(file)
    except InvalidTransition:
        db.session.rollback()
        return _redirect(slug, import_id)
    before = {"import": file.id, "sheet": file.sheet, "counted": struck}
    audit.record("paper.sheet_struck", "petition", petition.slug, before=before)
    db.session.commit()
    flash(_("The sheet is struck: its lines no longer count, and are kept. You can put it back."), "success")
    return _redirect(slug, import_id)


@blueprint.post("/<slug>/paper/<int:import_id>/restore-sheet")
def restore(slug: str, import_id: int) -> Response:
    """Count a struck sheet again."""
    petition, file = _lock(slug, import_id)
    try:
        counted = sheets.restore(file)
    except InvalidTransition:
        db.session.rollback()
        return _redirect(slug, import_id)
    after = {"import": file.id, "sheet": file.sheet, "counted": counted}
    audit.record("paper.sheet_restored", "petition", petition.slug, after=after)
    db.session.commit()
    flash(_("The sheet counts again."), "success")
    return _redirect(slug, import_id)


@blueprint.post("/<slug>/paper/<int:import_id>/scans")
def add_scan(slug: str, import_id: int) -> Response:
    """Keep a scan of a sheet."""
    petition, file = _lock(slug, import_id)
    uploaded = request.files.get("file")
    try:
        scan = scans.add_scan(file, uploaded.read() if uploaded else b"")
    except scans.ScanProblem as problem:
        db.session.rollback()
        flash(scan_problem_message(problem.kind), "danger")
        return _redirect(slug, import_id)
    audit.record("paper.scan_added", "petition", petition.slug, after={"import": file.id, "scan": scan.id})
    db.session.commit()
    flash(_("The scan is kept. Only the team can download it."), "success")
    return _redirect(slug, import_id)


@blueprint.get("/<slug>/paper/<int:import_id>/scans/<int:scan_id>")
def download_scan(slug: str, import_id: int, scan_id: int) -> Response:
    """Return a scan as a file to save: a browser opens it nowhere near these pages."""
    file = importer.find_import(get_or_404(slug), import_id)
    return send_scan(scans.find_scan(file, scan_id))


@blueprint.post("/<slug>/paper/<int:import_id>/scans/<int:scan_id>/delete")
def delete_scan(slug: str, import_id: int, scan_id: int) -> Response:
    """Delete a scan for good."""
    petition, file = _lock(slug, import_id)
    scan = scans.find_scan(file, scan_id)
    audit.record("paper.scan_deleted", "petition", petition.slug, before={"import": file.id, "scan": scan.id})
    db.session.delete(scan)
    db.session.commit()
    flash(_("The scan is deleted."), "success")
    return _redirect(slug, import_id)
