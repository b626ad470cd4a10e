"""Signatures on paper for a token: a line, a file that is read and then added, undone or discarded, as on the desk."""

from typing import Any

from flask import request
from flask.views import MethodView
from flask_babel import gettext as _

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkActionState
from petition.bulk_actions.representation import represent_bulk_action
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api import paper_schemas as schemas
from petition.integrations.api.scoped import actor_name, find_petition
from petition.petitions.models import Petition
from petition.petitions.paper import bulk, importer, manual_entry
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.errors import PaperFileError
from petition.petitions.paper.labels import paper_file_error_message, paper_problem_message
from petition.petitions.paper.models import PaperImport
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_FILE_BYTES = 5 * 1024 * 1024
FILE_TYPES = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
BINARY = {"type": "string", "format": "binary"}
blueprint = ApiBlueprint(
    "paper_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/paper",
    description="Signatures on paper for a token",
)  # fmt: skip


def represent_import(file: PaperImport) -> dict[str, Any]:
    """Return a file with its columns, what is wrong, and the action that adds or removes its signatures."""
    action = importer.find_action(file)
    return {
        **{name: getattr(file, name) for name in schemas.PaperImportSchema().fields},
        "columns": [{"title": title, "field": field} for title, field in file.columns or []],
        "problems": [
            {"line": line, "kind": kind, "detail": detail, "message": paper_problem_message(kind, detail)}
            for line, kind, detail in importer.list_problems(file)[: importer.MAX_PROBLEMS_SHOWN]
        ],
        "action": represent_bulk_action(action) if action else None,
    }


@blueprint.route("/lines")
class PaperLines(MethodView):
    """Signatures that are typed."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(schemas.PaperLineSchema(), example=schemas.EXAMPLE_LINE)
    @blueprint.response(
        201, schemas.PaperImportSchema(), example=schemas.EXAMPLE_IMPORT | {"state": "done", "file_name": ""}
    )
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(blueprint, "add_paper_line", 201, N_("Add one signature on paper, which counts at once."))
    def post(self, body: dict[str, Any], slug: str) -> PaperImport:
        """Add one signature on paper, which counts at once."""
        petition = find_petition(slug, lock=True)
        try:
            file = manual_entry.add_line(petition, body, actor_name())
        except manual_entry.ProblemFound as problem:
            field = "signed_on" if problem.kind in ("date", "day") else problem.detail or "name"
            raise ValidationError({field: paper_problem_message(problem.kind, problem.detail)}) from None
        audit.record("paper.written", "petition", petition.slug, after={"import": file.id, "added": 1})
        db.session.commit()
        return file


@blueprint.route("/imports")
class PaperImports(MethodView):
    """Files of signatures on paper."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, schemas.PaperImportSchema(many=True), example=[schemas.EXAMPLE_IMPORT])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_paper_imports", 200, N_("List the last hundred files of signatures on paper."))
    def get(self, slug: str) -> list[PaperImport]:
        """List the last hundred files of signatures on paper."""
        return importer.list_imports(find_petition(slug))

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE, max_body_bytes=MAX_FILE_BYTES)
    @blueprint.arguments(schemas.PaperFileQuery(), location="query")
    @blueprint.doc(requestBody={"required": True, "content": {kind: {"schema": BINARY} for kind in FILE_TYPES}})
    @blueprint.response(201, schemas.OnePaperImportSchema(), example=schemas.EXAMPLE_ONE)
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(
        blueprint, "upload_paper_file", 201,
        N_("Store a file (CSV, XLSX), the body of the request, to be read as a draft of which nothing counts yet."),
    )  # fmt: skip
    def post(self, query: dict[str, Any], slug: str) -> dict[str, Any]:
        """Store a file (CSV, XLSX), the body of the request, to be read as a draft of which nothing counts yet."""
        petition, content = find_petition(slug), request.get_data()
        db.session.commit()  # no transaction is open while the file is looked at
        try:
            file = importer.store_file(petition, content, query["file_name"], actor_name())
        except PaperFileError as error:
            raise ValidationError({"file": paper_file_error_message(error.code)}) from None
        db.session.commit()
        _read_on(file, len(content))
        return represent_import(importer.find_import(petition, file.id))


def _read_on(file: PaperImport, size: int) -> None:
    """Read a short file at once, and have a worker read a long one. Commits."""
    if size <= importer.MAX_BYTES_READ_AT_ONCE:
        importer.read_file(file.id)
        db.session.expire(file)
    else:
        importer.wake_reader()


@blueprint.route("/imports/<int:number>")
class OnePaperImport(MethodView):
    """One file of signatures on paper."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, schemas.OnePaperImportSchema(), example=schemas.EXAMPLE_ADDING)
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "show_paper_import", 200, N_("Return what was read of a file, what is wrong, and how far adding is.")
    )
    def get(self, slug: str, number: int) -> dict[str, Any]:
        """Return what was read of a file, what is wrong, and how far adding is."""
        return represent_import(importer.find_import(find_petition(slug), number))


@blueprint.route("/imports/<int:number>/steps")
class PaperSteps(MethodView):
    """What moves a file on."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(schemas.PaperStepSchema(), example={"step": "add"})
    @blueprint.response(200, schemas.OnePaperImportSchema(), example=schemas.EXAMPLE_ADDING)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "move_paper_import", 200, N_("Add what was read to the count, stop, undo or discard it.")
    )
    def post(self, body: dict[str, Any], slug: str, number: int) -> dict[str, Any]:
        """Add what was read to the count, stop, undo or discard it."""
        petition, step = find_petition(slug), body["step"]
        importer.find_action(importer.find_import(petition, number), lock=True)
        file = importer.find_import(petition, number, lock=True)
        if step == "discard":
            return _discard(file)
        if step in ("dates", "columns"):
            _answer(file, body)
        else:
            _count(petition, file, step)
        return represent_import(importer.find_import(petition, number))


def _discard(file: PaperImport) -> dict[str, Any]:
    shown = represent_import(file)
    importer.discard_draft(file)
    if file not in db.session.deleted and db.session.get(PaperImport, shown["id"]) is not None:
        raise InvalidTransition({"step": _("It can no longer be discarded: undo it.")})
    db.session.commit()
    return shown


def _answer(file: PaperImport, body: dict[str, Any]) -> None:
    """Answer what a draft asks, and read it again. Commits."""
    size = len(file.content or b"")
    if body["step"] == "columns":
        importer.choose_columns(file, body.get("columns", []))
    elif "order" in body:
        importer.answer_date_order(file, DateOrder(body["order"]))
    else:
        raise ValidationError({"order": _("Choose what the dates mean first.")})
    db.session.commit()
    _read_on(file, size)


def _count(petition: Petition, file: PaperImport, step: str) -> None:
    """Begin, stop or go on adding or removing the signatures of a file, as the desk does. Commits."""
    named = {"import": file.id}
    if step in ("add", "undo"):
        prepare = bulk.prepare_adding if step == "add" else bulk.prepare_removal
        action = prepare(file, actor_name())
        if action is None:
            raise InvalidTransition({"step": _("This was done already, or cannot be done now.")})
        if step == "add":
            after = {"added": action.total, "file": file.file_name, **named}
            audit.record("paper.added", "petition", petition.slug, after=after)
        else:
            before = {"added": file.added, "file": file.file_name, **named}
            audit.record("paper.undone", "petition", petition.slug, before=before)
        runner.start(action)
    else:
        action = importer.find_action(file)
        wanted = BulkActionState.RUNNING if step == "stop" else BulkActionState.STOPPED
        if action is None or action.state != wanted:
            raise InvalidTransition({"step": _("This was done already, or cannot be done now.")})
        done = {"done": action.done, "total": action.total, **named}
        audit.record("paper.stopped" if step == "stop" else "paper.resumed", "petition", petition.slug, after=done)
        (runner.stop if step == "stop" else runner.start)(action)
    db.session.commit()
    if step != "stop":
        runner.wake_worker()


@blueprint.route("/imports/<int:number>/signatures")
class PaperSignatures(MethodView):
    """The signatures of a file."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(schemas.PaperSignaturesQuery(), location="query")
    @blueprint.response(
        200, schemas.PaperSignaturesSchema(), example={"items": [schemas.EXAMPLE_SIGNATURE], "next": None}
    )
    @document_problems(blueprint, 404, 422)
    @document_operation(
        blueprint, "list_paper_signatures", 200, N_("List the signatures of a file, in the order of its lines.")
    )
    def get(self, query: dict[str, Any], slug: str, number: int) -> dict[str, Any]:
        """List the signatures of a file, in the order of its lines."""
        file = importer.find_import(find_petition(slug), number)
        page = importer.list_signatures(file, query.get("after"))
        return {"items": page.items, "next": int(page.next) if page.next else None}


@blueprint.route("/imports/<int:number>/signatures/<int:signature>")
class OnePaperSignature(MethodView):
    """One signature of a file."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(204)
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "strike_paper_signature", 204, N_("Delete one signature on paper, as its signer asks.")
    )
    def delete(self, slug: str, number: int, signature: int) -> None:
        """Delete one signature on paper, as its signer asks."""
        petition = find_petition(slug)
        file = importer.find_import(petition, number, lock=True)
        if not importer.delete_signature(file, signature):
            raise NotFound
        audit.record("paper.struck", "petition", petition.slug, before={"import": file.id, "signature": signature})
        db.session.commit()
