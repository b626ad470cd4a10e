"""Invalidate what a search finds: why, how many and which, then the work, its progress, and putting it back."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.signatures.by_hand import reason_of
from petition.signatures.filters import Filter
from petition.signatures.invalidate_many import MOST, SUBJECT, prepare, prepare_undo, sample
from petition.signatures.search import TooSlow
from petition.signatures.search_pages import kept_or_404, too_slow
from petition.team import audit, runs
from petition.team.access import current, guard
from petition.team.models import CAMPAIGNER, DRAFT, RUNNING, Run

ACCESS = "campaigner"
blueprint = Blueprint("signature_runs", __name__, url_prefix="/desk/signatures")
guard(blueprint, CAMPAIGNER)


@blueprint.get("/runs/")
def index() -> str:
    """List what was done to many signatures at once."""
    return render_template("signatures/runs.html", runs=runs.latest(SUBJECT, 50))


@blueprint.get("/searches/<int:search_id>/invalidate")
def ask(search_id: int) -> tuple[str, int]:
    """Ask for the reason."""
    return _ask_page(kept_or_404(search_id), search_id, "", {}, 200)


@blueprint.post("/searches/<int:search_id>/invalidate")
def fix(search_id: int) -> Response | tuple[str, int]:
    """Write down which signatures it would be; nothing is done yet."""
    which = kept_or_404(search_id)
    try:
        run = prepare(which, reason_of(request.form), who())
    except TooSlow:
        return _refused(which, search_id, {"form": too_slow()})
    except Refusal as refusal:
        return _refused(which, search_id, {name: _words(name, words) for name, words in refusal.errors.items()})
    db.session.commit()
    return redirect(url_for("signature_runs.show", run_id=run.id), 303)


def _words(name: str, words: str) -> str:
    """Put what a run refuses, for lack of rows or for too many, into the reader's language."""
    if name != "filter":
        return words
    if words.startswith("nothing"):
        return _("No pending or confirmed signature is like that: there is nothing to invalidate.")
    return _("These are more than %(number)s at once. Please narrow the search, and go in parts.", number=f"{MOST:,}")


def _refused(which: Filter, search_id: int, errors: dict[str, str]) -> tuple[str, int]:
    db.session.rollback()
    if "filter" in errors:
        errors["form"] = errors.pop("filter")
    return _ask_page(which, search_id, request.form.get("reason", ""), errors, 422)


def _ask_page(which: Filter, search_id: int, reason: str, errors: dict[str, str], status: int) -> tuple[str, int]:
    page = {"which": which.given(), "search_id": search_id, "reason": reason, "errors": errors}
    return render_template("signatures/invalidate_many.html", **page), status


@blueprint.get("/runs/<int:run_id>")
def show(run_id: int) -> str:
    """Show a run: what it would do, how far it is, or what it did."""
    run = _run(run_id)
    undo: dict[str, Any] = {
        "undone_by": runs.undone_by(run),
        "can_undo": run.verb == "invalidate" and run.done and run.state not in (DRAFT, RUNNING),
    }
    return render_template("signatures/run.html", run=run, sample=sample(run), **undo)


@blueprint.post("/runs/<int:run_id>/start")
def start(run_id: int) -> Response:
    """Begin, or go on after a stop."""
    run = _run(run_id, lock=True)
    if runs.start(run):
        after = {"filter": run.filter, "reason": run.reason, "undoes": run.undoes}
        audit.record(f"signatures.{run.verb}", "action", run.id, before={"total": run.total}, after=after)
    db.session.commit()
    if not runs.wake():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("signature_runs.show", run_id=run_id), 303)


@blueprint.post("/runs/<int:run_id>/stop")
def stop(run_id: int) -> Response:
    """Stop after the batch in hand."""
    run = _run(run_id, lock=True)
    if runs.stop(run):
        audit.record("signatures.stopped", "action", run.id, after={"done": run.done, "total": run.total})
    db.session.commit()
    return redirect(url_for("signature_runs.show", run_id=run_id), 303)


@blueprint.post("/runs/<int:run_id>/undo")
def undo(run_id: int) -> Response:
    """Write down which signatures would be put back; nothing is done yet."""
    run = _run(run_id, lock=True)
    if run.verb != "invalidate" or run.state == RUNNING:
        db.session.rollback()
        return redirect(url_for("signature_runs.show", run_id=run_id), 303)
    try:
        back = prepare_undo(run, who())
    except Refusal:
        db.session.rollback()
        flash(_("None of them is still invalidated by this: nothing to put back."), "info")
        return redirect(url_for("signature_runs.show", run_id=run_id), 303)
    db.session.commit()
    return redirect(url_for("signature_runs.show", run_id=back.id), 303)


def who() -> str:
    """Return the name of the person who is signed in, for others to read."""
    account = current()
    assert account is not None  # the guard let nobody else in
    return account.name or account.email


def _run(run_id: int, *, lock: bool = False) -> Run:
    try:
        return runs.find(SUBJECT, run_id, lock=lock)
    except Gone:
        abort(404)
