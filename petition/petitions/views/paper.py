"""Pages that import signatures on paper: upload a file, check its lines, add them, stop, undo."""

from collections.abc import Callable, Mapping

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, ValidationError
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import bulk, importer, manual_entry, scans
from petition.petitions.paper.dates import DateOrder, parse_date
from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode
from petition.petitions.paper.labels import (
    paper_field_labels,
    paper_file_error_message,
    paper_import_state_label,
    paper_problem_message,
)
from petition.petitions.paper.models import PaperImport, PaperImportState
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_UPLOAD_BYTES = 5 * 1024 * 1024  # the file and the form around it
KINDS_READ = ("column", "title", "sheet", "online")  # problems that leave no line out
blueprint = Blueprint("paper", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, max_body_bytes={"upload": MAX_UPLOAD_BYTES})
blueprint.add_app_template_global(paper_problem_message)
blueprint.add_app_template_global(paper_import_state_label)


def _get_import_or_404(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    return importer.find_import(petition, import_id, lock=lock)


def _render_index(
    petition: Petition,
    status: int = 200,
    error: str | None = None,
    line: Mapping[str, str] | None = None,
    line_error: tuple[str, str] | None = None,
) -> Response:
    wanted = " ".join(request.args.get("sheet", "").replace("\0", "").split())
    body = render_template(
        "petitions/paper/index.html",
        petition=petition,
        count=get_count(petition),
        imports=importer.list_imports(petition, wanted),
        wanted=wanted,
        error=error,
        line=line or {},
        line_error=line_error,
    )
    return make_response(body, status)


@blueprint.get("/<slug>/paper")
def index(slug: str) -> Response:
    """List the imports, and offer to upload a file."""
    return _render_index(get_or_404(slug))


@blueprint.post("/<slug>/paper")
def upload(slug: str) -> Response:
    """Store a file to be read as a draft, of which nothing counts yet."""
    petition, uploaded = get_or_404(slug), request.files.get("file")
    if uploaded is None or not uploaded.filename:
        return _render_index(petition, 422, paper_file_error_message(PaperFileErrorCode.MISSING))
    actor, content = _account_name(), uploaded.read()
    db.session.commit()  # no transaction is open while the file is looked at
    try:
        file = importer.store_file(petition, content, uploaded.filename, actor)
    except PaperFileError as error:
        db.session.rollback()
        return _render_index(petition, 422, paper_file_error_message(error.code))
    db.session.commit()
    _read_on(file, len(content))
    return _redirect_to_import(slug, file.id)


@blueprint.post("/<slug>/paper/line")
def add_line(slug: str) -> Response:
    """Add one signature that is typed, which counts at once."""
    petition = get_or_404(slug, lock=True)
    values = {name: request.form.get(name, "") for name in manual_entry.FIELDS}
    try:
        file = manual_entry.add_line(petition, values, _account_name())
    except manual_entry.ProblemFound as problem:
        db.session.rollback()
        field = "signed_on" if problem.kind in ("date", "day") else problem.detail or "name"
        message = paper_problem_message(problem.kind, problem.detail)
        return _render_index(get_or_404(slug), 422, line=values, line_error=(field, message))
    audit.record("paper.written", "petition", petition.slug, after={"import": file.id, "added": 1})
    db.session.commit()
    flash(_("Added. It counts now."), "success")
    return redirect(url_for("paper.index", slug=slug), 303)


def _read_on(file: PaperImport, size: int) -> None:
    """Read a short file at once, and have a worker read a long one. Commits."""
    if size <= importer.MAX_BYTES_READ_AT_ONCE:
        importer.read_file(file.id)
    elif not importer.wake_reader():
        _flash_broker_down()


def _flash_broker_down() -> None:
    flash(_("The broker does not answer: the work begins when it is back."), "info")


def _account_name() -> str:
    account = current_account()
    return (account.name or account.email) if account else ""


def _redirect_to_import(slug: str, import_id: int) -> Response:
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)


@blueprint.get("/<slug>/paper/<int:import_id>")
def page(slug: str, import_id: int) -> str:
    """Show how far the reading is, what a draft would add and its problems, or what an import added."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id)
    after = request.args.get("after", type=int)
    signatures = importer.list_signatures(file, after if after and 0 < after < 2**31 else None)
    problems = importer.list_problems(file)
    bulk_action = importer.find_action(file)
    return render_template(
        "petitions/paper/import.html",
        petition=petition,
        file=file,
        problems=problems[: importer.MAX_PROBLEMS_SHOWN],
        problem_count=len(problems),
        left_out=sum(kind not in KINDS_READ for _line, kind, _detail in problems),
        signatures=signatures,
        bulk_action=bulk_action,
        is_working=file.state == PaperImportState.READING
        or (bulk_action is not None and bulk_action.state == BulkActionState.RUNNING),
        fields=paper_field_labels(),
        scans=scans.list_scans(file) if file.sheet else [],
        date_orders=[(order, parse_date(file.date_example or "", order)) for order in DateOrder],
    )


@blueprint.post("/<slug>/paper/<int:import_id>/dates")
def dates(slug: str, import_id: int) -> Response:
    """Answer what comes first in the dates of a file, and read it."""
    file = _get_import_or_404(get_or_404(slug), import_id, lock=True)
    answer = request.form.get("order")
    if answer not in list(DateOrder):
        flash(_("Choose what the dates mean first."), "danger")
        return _redirect_to_import(slug, import_id)
    try:
        importer.answer_date_order(file, DateOrder(answer))
    except InvalidTransition:
        db.session.rollback()
        return _redirect_to_import(slug, import_id)
    size = len(file.content or b"")
    db.session.commit()
    _read_on(file, size)
    return _redirect_to_import(slug, import_id)


@blueprint.post("/<slug>/paper/<int:import_id>/columns")
def columns(slug: str, import_id: int) -> Response:
    """Read a draft again, with its columns as chosen."""
    file = _get_import_or_404(get_or_404(slug), import_id, lock=True)
    try:
        importer.choose_columns(file, request.form.getlist("column"))
    except (InvalidTransition, ValidationError) as error:
        db.session.rollback()
        flash(str(error), "danger")
        return _redirect_to_import(slug, import_id)
    size = len(file.content or b"")
    db.session.commit()
    _read_on(file, size)
    return _redirect_to_import(slug, import_id)


@blueprint.post("/<slug>/paper/<int:import_id>/add")
def add(slug: str, import_id: int) -> Response:
    """Begin to count the signatures of a draft."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id, lock=True)
    bulk_action = _prepare(bulk.prepare_adding, file)
    if bulk_action is None:
        db.session.rollback()
        return _redirect_to_import(slug, import_id)
    after = {"added": bulk_action.total, "file": file.file_name, "import": file.id}
    audit.record("paper.added", "petition", petition.slug, after=after)
    return _start(slug, file, bulk_action)


def _prepare(prepare: Callable[[PaperImport, str], BulkAction | None], file: PaperImport) -> BulkAction | None:
    try:
        return prepare(file, _account_name())
    except runner.NoMatchingRows:
        return None


def _start(slug: str, file: PaperImport, bulk_action: BulkAction) -> Response:
    """Start or resume an action, commit, and show its progress."""
    runner.start(bulk_action)
    db.session.commit()
    if not runner.wake_worker():
        _flash_broker_down()
    return _redirect_to_import(slug, file.id)


@blueprint.post("/<slug>/paper/<int:import_id>/stop")
def stop(slug: str, import_id: int) -> Response:
    """Stop adding or removing after the current batch."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id)
    bulk_action = importer.find_action(file, lock=True)
    if bulk_action and runner.stop(bulk_action):
        after = {"done": bulk_action.done, "total": bulk_action.total, "import": file.id}
        audit.record("paper.stopped", "petition", petition.slug, after=after)
    db.session.commit()
    return _redirect_to_import(slug, import_id)


@blueprint.post("/<slug>/paper/<int:import_id>/resume")
def resume(slug: str, import_id: int) -> Response:
    """Go on with what was stopped."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id)
    bulk_action = importer.find_action(file, lock=True)
    if bulk_action is None or bulk_action.state != BulkActionState.STOPPED:
        db.session.rollback()
        return _redirect_to_import(slug, import_id)
    after = {"done": bulk_action.done, "total": bulk_action.total, "import": file.id}
    audit.record("paper.resumed", "petition", petition.slug, after=after)
    return _start(slug, file, bulk_action)


@blueprint.post("/<slug>/paper/<int:import_id>/undo")
def undo(slug: str, import_id: int) -> Response:
    """Begin to undo a whole import."""
    petition = get_or_404(slug)
    importer.find_action(_get_import_or_404(petition, import_id), lock=True)
    file = _get_import_or_404(petition, import_id, lock=True)
    bulk_action = _prepare(bulk.prepare_removal, file)
    if bulk_action is None:
        db.session.rollback()
        return _redirect_to_import(slug, import_id)
    before = {"added": file.added, "file": file.file_name, "import": file.id}
    audit.record("paper.undone", "petition", petition.slug, before=before)
    return _start(slug, file, bulk_action)


@blueprint.post("/<slug>/paper/<int:import_id>/discard")
def discard(slug: str, import_id: int) -> Response:
    """Delete a draft."""
    importer.discard_draft(_get_import_or_404(get_or_404(slug), import_id, lock=True))
    db.session.commit()
    return redirect(url_for("paper.index", slug=slug), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/<int:signature_id>/strike")
def strike(slug: str, import_id: int, signature_id: int) -> Response:
    """Delete one signature, as its signer asks."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id, lock=True)
    if importer.delete_signature(file, signature_id):
        audit.record("paper.struck", "petition", petition.slug, before={"import": file.id, "signature": signature_id})
        flash(_("The signature is deleted."), "success")
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)
