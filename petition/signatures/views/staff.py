"""One signature on the desk: its details, its history, and the staff actions on it."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core import optimistic_lock
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.ids import find_by_id
from petition.signatures.confirm import can_be_restored
from petition.signatures.fingerprint import derive_salt
from petition.signatures.labels import staff_action_labels
from petition.signatures.models import Party, Signature
from petition.signatures.retention import DISOWNED_TTL
from petition.signatures.staff.actions import ACTIONS_WITH_REASON, AUDIT_ACTIONS, list_allowed_actions, perform_action
from petition.signatures.staff.edit import EDITABLE_FIELDS
from petition.signatures.staff.history import list_events
from petition.signatures.staff.team_view import for_team
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
# The page was made from these: an action is refused if one of them has changed since.
FINGERPRINTED_FIELDS = (
    *EDITABLE_FIELDS,
    "state",
    "listed",
    "updates",
    "confirmed_no",
    "ended_at",
    "review",
    "restricted_at",
    "named_when",
    "withheld_name",
)
blueprint = Blueprint("desk_signature", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/<int:signature_id>")
def show(signature_id: int) -> str:
    """Show one signature and its history; the view is in the audit trail."""
    signature = _get_or_404(signature_id)
    audit.record("signature.viewed", "signature", signature_id)
    db.session.commit()
    return _render(signature)


@blueprint.get("/<int:signature_id>/<action>")
def ask(signature_id: int, action: str) -> tuple[str, int] | Response:
    """Show what an action will do, and ask for its reason or the corrected details."""
    signature = _get_or_404(signature_id)
    if action not in list_allowed_actions(signature):
        return abort(404) if action not in AUDIT_ACTIONS else redirect(_signature_url(signature), 303)
    details = {field: getattr(signature, field) or "" for field in EDITABLE_FIELDS} if action == "correct" else {}
    return _render_form(signature, action, details)


@blueprint.post("/<int:signature_id>/<action>")
def do(signature_id: int, action: str) -> Response | tuple[str, int]:
    """Perform an action, unless the signature has changed since the page was made."""
    if action not in AUDIT_ACTIONS:
        abort(404)
    signature, form = _get_or_404(signature_id, lock=True), request.form.to_dict()
    try:
        optimistic_lock.require_version(compute_fingerprint(signature), form.get("seen"))
        perform_action(action, signature, form)
    except optimistic_lock.EditConflict:
        db.session.rollback()
        return _render(_get_or_404(signature_id), changed=staff_action_labels(action)["name"]), 409
    except DomainError as error:
        db.session.rollback()
        signature = _get_or_404(signature_id)
        if action in list_allowed_actions(signature) and action != "resend":
            return _render_form(signature, action, form, error.errors, 422)
        return _render(signature, error=str(error)), 422
    db.session.commit()
    flash(staff_action_labels(action)["done"], "success")
    if action == "erase":
        return redirect(url_for("signature_search.index"), 303)
    return redirect(_signature_url(signature), 303)


def compute_fingerprint(signature: Signature) -> str:
    """Return a hash of what the page shows of a signature."""
    values = {field: getattr(signature, field) for field in FINGERPRINTED_FIELDS}
    return optimistic_lock.fingerprint(values, derive_salt(signature.id))


def _get_or_404(signature_id: int, *, lock: bool = False) -> Signature:
    # Only the signature is locked, not the petition that is joined to it, which all its signers share.
    lock_of = {"of": Signature} if lock else None
    signature = find_by_id(Signature, signature_id, with_for_update=lock_of, populate_existing=True)
    return signature or abort(404)


def _signature_url(signature: Signature) -> str:
    return url_for("desk_signature.show", signature_id=signature.id)


def _render(signature: Signature, **messages: Any) -> str:
    return render_template(
        "signatures/staff/signature.html",
        signature=for_team(signature),
        events=list_events(signature),
        actions=list_allowed_actions(signature),
        erased_on=signature.ended_at + DISOWNED_TTL if can_be_restored(signature) and signature.ended_at else None,
        seen=compute_fingerprint(signature),
        translate=_,
        **messages,
    )


def _render_form(
    signature: Signature, action: str, form: dict[str, Any], errors: dict[str, str] | None = None, status: int = 200
) -> tuple[str, int]:
    editable = [field for field in EDITABLE_FIELDS if field != "organisation" or signature.party == Party.ORGANISATION]
    fields = {"correct": editable, "change_address": ["email"]}.get(action, [])
    return render_template(
        "signatures/staff/action.html",
        signature=for_team(signature),
        action=action,
        fields=fields,
        needs_reason=action in ACTIONS_WITH_REASON,
        form=form,
        errors=errors or {},
        seen=compute_fingerprint(signature),
    ), status
