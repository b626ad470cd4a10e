"""Sheets of paper for a token: the lines of one, and its scans; they are checked and struck as on the desk."""

from typing import Any

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api import paper_schemas as schemas
from petition.integrations.api.paper import represent_import
from petition.integrations.api.scoped import actor_name, find_petition
from petition.petitions.paper import importer, scans, sheets
from petition.petitions.paper.download import send_scan
from petition.petitions.paper.labels import paper_problem_message, scan_problem_message
from petition.petitions.paper.models import PaperImport, PaperScan
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
BINARY = {"type": "string", "format": "binary"}
blueprint = ApiBlueprint(
    "sheets_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/paper", description="Sheets of paper for a token"
)


class SheetRowSchema(ma.Schema):
    """A line as it stands on a sheet."""

    name = ma.fields.String(load_default="")
    profession = ma.fields.String(load_default="")
    city = ma.fields.String(load_default="")
    postal_code = ma.fields.String(load_default="")


class SheetSchema(ma.Schema):
    """A sheet that was typed. One that is there already gets these lines too."""

    sheet = ma.fields.String(required=True, metadata={"description": N_("its number")})
    signed_on = ma.fields.String(load_default="", metadata={"description": N_("a day such as 2022-09-28")})
    rows = ma.fields.List(ma.fields.Nested(SheetRowSchema), required=True, validate=validate.Length(1, sheets.ROWS))


class SheetStepSchema(ma.Schema):
    """What becomes of a sheet: struck, its lines are kept and no longer count."""

    step = ma.fields.String(required=True, validate=validate.OneOf(("strike", "restore")))


class ScanSchema(ma.Schema):
    """A scan of a sheet."""

    id = ma.fields.Integer(required=True)
    media_type = ma.fields.String(required=True, validate=validate.OneOf(tuple(scans.EXTENSIONS)))
    size = ma.fields.Integer(required=True, metadata={"description": N_("in bytes")})
    created_at = ma.fields.AwareDateTime(required=True)


EXAMPLE_SHEET = {
    "sheet": "12", "signed_on": "2022-09-28", "rows": [{"name": "Zoé Martin", "profession": "Avocate", "city": "Lyon"}],
}  # fmt: skip
EXAMPLE_SCAN = {"id": 3, "media_type": "image/jpeg", "size": 184320, "created_at": "2022-10-01T18:00:00+00:00"}


def _find_import(slug: str, number: int, *, lock: bool = False) -> PaperImport:
    return importer.find_import(find_petition(slug, lock=lock), number, lock=lock)


@blueprint.route("/sheets")
class Sheets(MethodView):
    """Sheets that are typed."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(SheetSchema(), example=EXAMPLE_SHEET)
    @blueprint.response(201, schemas.OnePaperImportSchema(), example=schemas.EXAMPLE_ONE)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(
        blueprint, "add_paper_sheet", 201, N_("Add the lines of a sheet, which count at once: all of them, or none.")
    )
    def post(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Add the lines of a sheet, which count at once: all of them, or none."""
        petition = find_petition(slug, lock=True)
        rows = [{name: value.replace("\0", "") for name, value in row.items()} for row in body["rows"]]
        day = body["signed_on"].replace("\0", "").strip()
        try:
            file, added = sheets.add_sheet(
                petition, sheets.Sheet(body["sheet"].replace("\0", ""), day, rows), actor_name()
            )
        except sheets.SheetProblems as problem:
            errors = {f"rows.{line - 1}": paper_problem_message(*what) for line, what in problem.lines.items()}
            if problem.sheet:
                errors = {"sheet": _("Give the number that is written on the sheet, or one that you write on it.")}
            raise ValidationError(errors) from None
        after = {"import": file.id, "sheet": file.sheet, "added": added}
        audit.record("paper.sheet_added", "petition", petition.slug, after=after)
        db.session.commit()
        return represent_import(file)


@blueprint.route("/imports/<int:number>/sheet-steps")
class SheetSteps(MethodView):
    """What becomes of a sheet."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(SheetStepSchema(), example={"step": "strike"})
    @blueprint.response(200, schemas.OnePaperImportSchema(), example=schemas.EXAMPLE_ONE)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "move_paper_sheet", 200, N_("Take a whole sheet out of the count, or count it again.")
    )
    def post(self, body: dict[str, Any], slug: str, number: int) -> dict[str, Any]:
        """Take a whole sheet out of the count, or count it again."""
        file = _find_import(slug, number, lock=True)
        known = {"import": file.id, "sheet": file.sheet}
        if body["step"] == "strike":
            audit.record("paper.sheet_struck", "petition", slug, before=known | {"counted": sheets.strike(file)})
        else:
            audit.record("paper.sheet_restored", "petition", slug, after=known | {"counted": sheets.restore(file)})
        db.session.commit()
        return represent_import(file)


@blueprint.route("/imports/<int:number>/scans")
class Scans(MethodView):
    """The scans of a sheet."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, ScanSchema(many=True), example=[EXAMPLE_SCAN])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_scans", 200, N_("List the scans of a sheet."))
    def get(self, slug: str, number: int) -> list[PaperScan]:
        """List the scans of a sheet."""
        return scans.list_scans(_find_import(slug, number))

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE, max_body_bytes=scans.MAX_SCAN_BYTES + 1)
    @blueprint.doc(requestBody={"required": True, "content": {kind: {"schema": BINARY} for kind in scans.EXTENSIONS}})
    @blueprint.response(201, ScanSchema(), example=EXAMPLE_SCAN)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "add_scan", 201, N_("Keep a scan of a sheet (PDF, JPEG): the body of the request."))
    def post(self, slug: str, number: int) -> PaperScan:
        """Keep a scan of a sheet (PDF, JPEG): the body of the request."""
        file = _find_import(slug, number, lock=True)
        try:
            scan = scans.add_scan(file, request.get_data())
        except scans.ScanProblem as problem:
            raise ValidationError({"scan": scan_problem_message(problem.kind)}) from None
        audit.record("paper.scan_added", "petition", slug, after={"import": file.id, "scan": scan.id})
        db.session.commit()
        return scan


@blueprint.route("/imports/<int:number>/scans/<int:scan>")
class OneScan(MethodView):
    """A scan of a sheet."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.doc(responses={200: {"content": {kind: {"schema": BINARY} for kind in scans.EXTENSIONS}}})
    @blueprint.response(200, BINARY, content_type="application/pdf")
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "fetch_scan", 200, N_("Return a scan as it was uploaded."))
    def get(self, slug: str, number: int, scan: int) -> Response:
        """Return a scan as it was uploaded."""
        return send_scan(scans.find_scan(_find_import(slug, number), scan))

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "delete_scan", 204, N_("Delete a scan for good."))
    def delete(self, slug: str, number: int, scan: int) -> None:
        """Delete a scan for good."""
        file = _find_import(slug, number, lock=True)
        found = scans.find_scan(file, scan)
        audit.record("paper.scan_deleted", "petition", slug, before={"import": file.id, "scan": found.id})
        db.session.delete(found)
        db.session.commit()
