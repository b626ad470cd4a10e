"""Pages that import signatures on paper: upload a file, check its lines, add them, undo."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.petitions.counters import get_count
from petition.petitions.labels import paper_file_error_message, paper_import_state_label, paper_problem_message
from petition.petitions.models import PaperImport, Petition
from petition.petitions.paper import importer
from petition.petitions.paper.csv import PaperFileError, PaperFileErrorCode
from petition.petitions.views.desk import get_or_404
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
MAX_UPLOAD_BYTES = 5 * 1024 * 1024  # the file and the form around it
MAX_PROBLEMS_SHOWN = 1_000
blueprint = Blueprint("paper", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, max_body_bytes={"upload": MAX_UPLOAD_BYTES})
blueprint.add_app_template_global(paper_problem_message)
blueprint.add_app_template_global(paper_import_state_label)


def _get_import_or_404(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    return importer.find_import(petition, import_id, lock=lock)


def _render_index(petition: Petition, status: int = 200, error: str | None = None) -> Response:
    body = render_template(
        "petitions/paper/index.html",
        petition=petition,
        count=get_count(petition),
        imports=importer.list_imports(petition),
        error=error,
    )
    return make_response(body, status)


@blueprint.get("/<slug>/paper")
def index(slug: str) -> Response:
    """List the imports, and offer to upload a file."""
    return _render_index(get_or_404(slug))


@blueprint.post("/<slug>/paper")
def upload(slug: str) -> Response:
    """Read a file as a draft, of which nothing counts yet."""
    petition, account = get_or_404(slug), current_account()
    uploaded = request.files.get("file")
    if uploaded is None or not uploaded.filename or account is None:
        return _render_index(petition, 422, paper_file_error_message(PaperFileErrorCode.MISSING))
    try:
        file = importer.create_draft(petition, uploaded.read(), uploaded.filename, account.name or account.email)
    except PaperFileError as error:
        db.session.rollback()
        return _render_index(petition, 422, paper_file_error_message(error.code))
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=file.id), 303)


@blueprint.get("/<slug>/paper/<int:import_id>")
def page(slug: str, import_id: int) -> str:
    """Show what a draft would add and its problems, or what an import added."""
    petition = get_or_404(slug)
    file = _get_import_or_404(petition, import_id)
    after = request.args.get("after", type=int)
    signatures = importer.list_signatures(file, after if after and 0 < after < 2**31 else None)
    return render_template(
        "petitions/paper/import.html",
        petition=petition,
        file=file,
        problems=file.problems[:MAX_PROBLEMS_SHOWN],
        addable=importer.count_signatures(file),
        signatures=signatures,
    )


@blueprint.post("/<slug>/paper/<int:import_id>/add")
def add(slug: str, import_id: int) -> Response:
    """Count the signatures of a draft."""
    petition = get_or_404(slug, lock=True)
    file = _get_import_or_404(petition, import_id, lock=True)
    if importer.apply_draft(file):
        after = {"added": file.added, "file": file.file_name}
        audit.record("paper.added", "petition", petition.slug, after=after | {"import": file.id})
        flash(
            ngettext("%(num)s signature on paper is added.", "%(num)s signatures on paper are added.", file.added),
            "success",
        )
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/undo")
def undo(slug: str, import_id: int) -> Response:
    """Undo a whole import."""
    petition = get_or_404(slug, lock=True)
    file = _get_import_or_404(petition, import_id, lock=True)
    deleted = importer.undo_import(file)
    if deleted is not None:
        before = {"added": deleted, "file": file.file_name}
        audit.record("paper.undone", "petition", petition.slug, before=before | {"import": file.id})
        flash(
            ngettext("%(num)s signature on paper is removed.", "%(num)s signatures on paper are removed.", deleted),
            "success",
        )
    db.session.commit()
    return redirect(url_for("paper.index", slug=slug), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/discard")
def discard(slug: str, import_id: int) -> Response:
    """Delete a draft."""
    importer.discard_draft(_get_import_or_404(get_or_404(slug), import_id, lock=True))
    db.session.commit()
    return redirect(url_for("paper.index", slug=slug), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/<int:signature_id>/strike")
def strike(slug: str, import_id: int, signature_id: int) -> Response:
    """Delete one signature, as its signer asks."""
    petition = get_or_404(slug, lock=True)
    file = _get_import_or_404(petition, import_id, lock=True)
    if importer.delete_signature(file, signature_id):
        audit.record("paper.struck", "petition", petition.slug, before={"import": file.id, "signature": signature_id})
        flash(_("The signature is deleted."), "success")
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)
