"""Invalidate what a search finds: why, how many and which, then the work, its progress, and putting it back."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.signatures.search.filters import Filter
from petition.signatures.search.search import SearchTimeout
from petition.signatures.staff.actions import validate_reason
from petition.signatures.staff.invalidate_many import (
    MAX_SIGNATURES,
    SUBJECT,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
    sample_signatures,
)
from petition.signatures.views.search import get_saved_search_or_404, search_timeout_message
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("signature_runs", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/runs/")
def index() -> str:
    """List what was done to many signatures at once."""
    return render_template("signatures/runs.html", runs=runner.list_recent(SUBJECT, 50))


@blueprint.get("/searches/<int:search_id>/invalidate")
def ask(search_id: int) -> tuple[str, int]:
    """Ask for the reason."""
    return _ask_page(get_saved_search_or_404(search_id), search_id, "", {}, 200)


@blueprint.post("/searches/<int:search_id>/invalidate")
def fix(search_id: int) -> Response | tuple[str, int]:
    """Write down which signatures it would be; nothing is done yet."""
    which = get_saved_search_or_404(search_id)
    try:
        run = prepare_bulk_invalidation(which, validate_reason(request.form), current_account_name())
    except SearchTimeout:
        return _error_page(which, search_id, {"form": search_timeout_message()})
    except DomainError as refusal:
        return _error_page(
            which, search_id, {name: _translate_error(name, words) for name, words in refusal.errors.items()}
        )
    db.session.commit()
    return redirect(url_for("signature_runs.show", action_id=run.id), 303)


def _translate_error(name: str, words: str) -> str:
    """Put what a run refuses, for lack of rows or for too many, into the reader's language."""
    if name != "filter":
        return words
    if words.startswith("nothing"):
        return _("No pending or confirmed signature is like that: there is nothing to invalidate.")
    return _(
        "These are more than %(number)s at once. Please narrow the search, and go in parts.",
        number=f"{MAX_SIGNATURES:,}",
    )


def _error_page(which: Filter, search_id: int, errors: dict[str, str]) -> tuple[str, int]:
    db.session.rollback()
    if "filter" in errors:
        errors["form"] = errors.pop("filter")
    return _ask_page(which, search_id, request.form.get("reason", ""), errors, 422)


def _ask_page(which: Filter, search_id: int, reason: str, errors: dict[str, str], status: int) -> tuple[str, int]:
    page = {"which": which.criteria(), "search_id": search_id, "reason": reason, "errors": errors}
    return render_template("signatures/invalidate_many.html", **page), status


@blueprint.get("/runs/<int:action_id>")
def show(action_id: int) -> str:
    """Show a run: what it would do, how far it is, or what it did."""
    run = _get_bulk_action_or_404(action_id)
    undo: dict[str, Any] = {
        "undone_by": runner.find_undo(run),
        "can_undo": run.verb == "invalidate"
        and run.done
        and run.state not in (BulkActionState.DRAFT, BulkActionState.RUNNING),
    }
    return render_template("signatures/run.html", run=run, sample=sample_signatures(run), **undo)


@blueprint.post("/runs/<int:action_id>/start")
def start(action_id: int) -> Response:
    """Begin, or go on after a stop."""
    run = _get_bulk_action_or_404(action_id, lock=True)
    if runner.start(run):
        after = {"filter": run.filter, "reason": run.reason, "undoes": run.undoes}
        audit.record(f"signatures.{run.verb}", "action", run.id, before={"total": run.total}, after=after)
    db.session.commit()
    if not runner.wake_worker():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("signature_runs.show", action_id=action_id), 303)


@blueprint.post("/runs/<int:action_id>/stop")
def stop(action_id: int) -> Response:
    """Stop after the batch in hand."""
    run = _get_bulk_action_or_404(action_id, lock=True)
    if runner.stop(run):
        audit.record("signatures.stopped", "action", run.id, after={"done": run.done, "total": run.total})
    db.session.commit()
    return redirect(url_for("signature_runs.show", action_id=action_id), 303)


@blueprint.post("/runs/<int:action_id>/undo")
def undo(action_id: int) -> Response:
    """Write down which signatures would be put back; nothing is done yet."""
    run = _get_bulk_action_or_404(action_id, lock=True)
    if run.verb != "invalidate" or run.state == BulkActionState.RUNNING:
        db.session.rollback()
        return redirect(url_for("signature_runs.show", action_id=action_id), 303)
    try:
        back = prepare_bulk_reinstatement(run, current_account_name())
    except DomainError:
        db.session.rollback()
        flash(_("None of them is still invalidated by this: nothing to put back."), "info")
        return redirect(url_for("signature_runs.show", action_id=action_id), 303)
    db.session.commit()
    return redirect(url_for("signature_runs.show", action_id=back.id), 303)


def current_account_name() -> str:
    """Return the name of the person who is signed in, for others to read."""
    account = current_account()
    assert account is not None  # the guard let nobody else in
    return account.name or account.email


def _get_bulk_action_or_404(action_id: int, *, lock: bool = False) -> BulkAction:
    try:
        return runner.find(SUBJECT, action_id, lock=lock)
    except NotFound:
        abort(404)
