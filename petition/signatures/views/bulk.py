"""Bulk actions on signatures: a reason, a preview with the exact number, progress, and the undo."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _
from werkzeug import Response

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.signatures.search.filters import Filter
from petition.signatures.staff.actions import validate_reason
from petition.signatures.staff.invalidate import (
    SUBJECT,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
    sample_signatures,
)
from petition.signatures.staff.quarantine import prepare_bulk_quarantine, prepare_bulk_release, prepare_undo
from petition.signatures.staff.team_view import all_for_team
from petition.signatures.views.search import get_saved_search_or_404, signed_in_account
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
MAX_LISTED = 50  # actions
PREPARE = {
    "invalidate": prepare_bulk_invalidation, "quarantine": prepare_bulk_quarantine, "release": prepare_bulk_release,
}  # fmt: skip
UNDO = {"invalidate": prepare_bulk_reinstatement, "quarantine": prepare_undo, "release": prepare_undo}
blueprint = Blueprint("signature_bulk", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/runs/")
def index() -> str:
    """List the latest bulk actions."""
    return render_template("signatures/bulk/index.html", bulk_actions=runner.list_recent(SUBJECT, MAX_LISTED))


@blueprint.get("/searches/<int:search_id>/<any(invalidate, quarantine, release):verb>")
def ask(search_id: int, verb: str) -> tuple[str, int]:
    """Ask for the reason to invalidate, quarantine or release what a search finds."""
    return _reason_page(get_saved_search_or_404(search_id), search_id, verb, "", {}, 200)


@blueprint.post("/searches/<int:search_id>/<any(invalidate, quarantine, release):verb>")
def fix(search_id: int, verb: str) -> Response | tuple[str, int]:
    """Fix the set of signatures to change, and show the preview; none is changed yet."""
    criteria = get_saved_search_or_404(search_id)
    try:
        reason = validate_reason(request.form)
        bulk_action = PREPARE[verb](criteria, reason, _account_name())
    except DomainError as error:
        db.session.rollback()
        return _reason_page(criteria, search_id, verb, request.form.get("reason", ""), _translate(error, verb), 422)
    db.session.commit()
    return redirect(url_for("signature_bulk.show", action_id=bulk_action.id), 303)


def _translate(error: DomainError, verb: str) -> dict[str, str]:
    if isinstance(error, runner.NoMatchingRows):
        advice = {
            "invalidate": _("No pending or confirmed signature matches this search: there is nothing to invalidate."),
            "quarantine": _("No confirmed signature matches this search: there is nothing to quarantine."),
            "release": _("No quarantined signature matches this search: there is nothing to release."),
        }
        return {"form": advice[verb]}
    if isinstance(error, runner.TooManyRows):
        number = format_decimal(error.max_rows)
        return {"form": _("These are more than %(number)s at once. Please narrow the search.", number=number)}
    return error.errors


def _reason_page(
    criteria: Filter, search_id: int, verb: str, reason: str, errors: dict[str, str], status: int
) -> tuple[str, int]:
    context = {"criteria": criteria.criteria(), "search_id": search_id, "reason": reason, "errors": errors}
    return render_template("signatures/bulk/ask.html", verb=verb, **context), status


@blueprint.get("/runs/<int:action_id>")
def show(action_id: int) -> str:
    """Show a bulk action: its preview, its progress, or its result."""
    bulk_action = _get_bulk_action_or_404(action_id)
    has_changes = bulk_action.done and bulk_action.state not in (BulkActionState.DRAFT, BulkActionState.RUNNING)
    return render_template(
        "signatures/bulk/show.html",
        bulk_action=bulk_action,
        sample=all_for_team(sample_signatures(bulk_action)),
        undo=runner.find_undo(bulk_action),
        can_undo=bulk_action.verb in UNDO and not bulk_action.undoes and has_changes,
    )


@blueprint.post("/runs/<int:action_id>/start")
def start(action_id: int) -> Response:
    """Start a bulk action, or resume it after a stop."""
    bulk_action = _get_bulk_action_or_404(action_id, lock=True)
    if runner.start(bulk_action):
        after = {"filter": bulk_action.filter, "reason": bulk_action.reason, "undoes": bulk_action.undoes}
        before = {"total": bulk_action.total}
        audit.record(f"signatures.{bulk_action.verb}", "action", bulk_action.id, before=before, after=after)
    db.session.commit()
    if not runner.wake_worker():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("signature_bulk.show", action_id=action_id), 303)


@blueprint.post("/runs/<int:action_id>/stop")
def stop(action_id: int) -> Response:
    """Stop a bulk action after its current batch."""
    bulk_action = _get_bulk_action_or_404(action_id, lock=True)
    if runner.stop(bulk_action):
        after = {"done": bulk_action.done, "total": bulk_action.total}
        audit.record("signatures.stopped", "action", bulk_action.id, after=after)
    db.session.commit()
    return redirect(url_for("signature_bulk.show", action_id=action_id), 303)


@blueprint.post("/runs/<int:action_id>/undo")
def undo(action_id: int) -> Response:
    """Fix the set of signatures to put back as they were, and show the preview; none is changed yet."""
    bulk_action = _get_bulk_action_or_404(action_id, lock=True)
    if bulk_action.verb not in UNDO or bulk_action.undoes or bulk_action.state == BulkActionState.RUNNING:
        db.session.rollback()
        return redirect(url_for("signature_bulk.show", action_id=action_id), 303)
    try:
        undone_by = UNDO[bulk_action.verb](bulk_action, _account_name())
    except runner.NoMatchingRows:
        db.session.rollback()
        flash(_("None of these signatures is still as this action left it: there is nothing to undo."), "info")
        return redirect(url_for("signature_bulk.show", action_id=action_id), 303)
    db.session.commit()
    return redirect(url_for("signature_bulk.show", action_id=undone_by.id), 303)


def _account_name() -> str:
    account = signed_in_account()
    return account.name or account.email


def _get_bulk_action_or_404(action_id: int, *, lock: bool = False) -> BulkAction:
    return runner.find(SUBJECT, action_id, lock=lock)
