"""Signatures on paper at the desk: a file is read, shown with every bad line, and added only then."""

from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.petitions import paper
from petition.petitions.count import count_of
from petition.petitions.manage import held
from petition.petitions.models import PaperImport, Petition
from petition.petitions.words import paper_file_words, paper_problem_words
from petition.team import audit
from petition.team.access import current, guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
LONGEST = 5 * 1024 * 1024  # bytes of a file and the form around it
MOST_PROBLEMS = 1_000  # shown
blueprint = Blueprint("paper", __name__, url_prefix="/desk/petitions")
guard(blueprint, CAMPAIGNER, longest={"upload": LONGEST})
blueprint.add_app_template_global(paper_problem_words)


def _file(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    try:
        return paper.find(petition, import_id, lock=lock)
    except Gone:
        abort(404)


def _index(petition: Petition, status: int = 200, error: str | None = None) -> Response:
    body = render_template(
        "petitions/paper.html",
        petition=petition,
        count=count_of(petition),
        imports=paper.imports(petition),
        error=error,
    )
    return make_response(body, status)


@blueprint.get("/<slug>/paper")
def index(slug: str) -> Response:
    """Show what was imported, and ask for a file."""
    return _index(held(slug))


@blueprint.post("/<slug>/paper")
def upload(slug: str) -> Response:
    """Read a file, and add nothing yet."""
    petition, account = held(slug), current()
    sent = request.files.get("file")
    if sent is None or not sent.filename or account is None:
        return _index(petition, 422, paper_file_words("none"))
    try:
        file = paper.draft(petition, sent.read(), sent.filename, account.name or account.email)
    except Refusal as refusal:
        db.session.rollback()
        return _index(petition, 422, paper_file_words(refusal.errors["file"]))
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=file.id), 303)


@blueprint.get("/<slug>/paper/<int:import_id>")
def page(slug: str, import_id: int) -> str:
    """Show what a file would add and what is wrong with it, or what it added."""
    petition = held(slug)
    file = _file(petition, import_id)
    after = request.args.get("after", 0, type=int)
    rows = paper.signatures(file, after if 0 < after < 2**31 else 0)
    more: dict[str, Any] = {"problems": file.problems[:MOST_PROBLEMS]}
    if len(rows) == paper.PAGE:
        more["following"] = url_for("paper.page", slug=slug, import_id=file.id, after=rows[-1].line)
    return render_template(
        "petitions/paper_import.html", petition=petition, file=file, good=paper.good(file), rows=rows, **more
    )


@blueprint.post("/<slug>/paper/<int:import_id>/add")
def add(slug: str, import_id: int) -> Response:
    """Count what the file holds."""
    petition = held(slug, lock=True)
    file = _file(petition, import_id, lock=True)
    if paper.add(file):
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
    """Take a whole import back."""
    petition = held(slug, lock=True)
    file = _file(petition, import_id, lock=True)
    taken = paper.undo(file)
    if taken is not None:
        before = {"added": taken, "file": file.file_name}
        audit.record("paper.undone", "petition", petition.slug, before=before | {"import": file.id})
        flash(
            ngettext("%(num)s signature on paper is taken back.", "%(num)s signatures on paper are taken back.", taken),
            "success",
        )
    db.session.commit()
    return redirect(url_for("paper.index", slug=slug), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/discard")
def discard(slug: str, import_id: int) -> Response:
    """Drop a file that was read and not added."""
    paper.discard(_file(held(slug), import_id, lock=True))
    db.session.commit()
    return redirect(url_for("paper.index", slug=slug), 303)


@blueprint.post("/<slug>/paper/<int:import_id>/<int:signature_id>/strike")
def strike(slug: str, import_id: int, signature_id: int) -> Response:
    """Delete one signature, as its signer asks."""
    petition = held(slug, lock=True)
    file = _file(petition, import_id, lock=True)
    if paper.strike(file, signature_id):
        audit.record("paper.struck", "petition", petition.slug, before={"import": file.id, "signature": signature_id})
        flash(_("The signature is deleted."), "success")
    db.session.commit()
    return redirect(url_for("paper.page", slug=slug, import_id=import_id), 303)
