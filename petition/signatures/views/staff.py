"""One signature on the team's desk: its details, its history, and what may be done to it."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.hashing import keyed_hashes
from petition.signatures.labels import staff_action_labels
from petition.signatures.models import Party, Signature
from petition.signatures.staff.actions import ACTIONS_WITH_REASON, AUDIT_ACTIONS, list_allowed_actions, perform_action
from petition.signatures.staff.edit import EDITABLE_FIELDS
from petition.signatures.staff.history import list_events
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
# What somebody saw who then presses a button: should any of it differ by then, nothing is done.
FINGERPRINTED_FIELDS = (*EDITABLE_FIELDS, "state", "listed", "updates", "confirmed_no", "ended_at")
blueprint = Blueprint("desk_signature", __name__, url_prefix="/desk/signatures")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/<int:signature_id>")
def show(signature_id: int) -> str:
    """Show one signature and what happened to it; who looked is on record."""
    signature = _signature(signature_id)
    audit.record("signature.viewed", "signature", signature_id)
    db.session.commit()
    return _page(signature)


@blueprint.get("/<int:signature_id>/<name>")
def ask(signature_id: int, name: str) -> tuple[str, int] | Response:
    """Ask before an act: what it will do, and why it is to be done."""
    signature = _signature(signature_id)
    if name not in list_allowed_actions(signature):
        return abort(404) if name not in AUDIT_ACTIONS else redirect(_signature_url(signature), 303)
    return _ask_page(signature, name, {field: getattr(signature, field) or "" for field in EDITABLE_FIELDS})


@blueprint.post("/<int:signature_id>/<name>")
def do(signature_id: int, name: str) -> Response | tuple[str, int]:
    """Do it, unless the signature is no longer what was seen."""
    if name not in AUDIT_ACTIONS:
        abort(404)
    signature, form = _signature(signature_id, lock=True), request.form.to_dict()
    if form.get("seen") != compute_fingerprint(signature):
        db.session.rollback()
        return _page(_signature(signature_id), changed=staff_action_labels(name)["name"]), 409
    try:
        perform_action(name, signature, form)
    except DomainError as refusal:
        db.session.rollback()
        signature = _signature(signature_id)
        if name in list_allowed_actions(signature) and name != "resend":
            return _ask_page(signature, name, form, refusal.errors, 422)
        return _page(signature, refused=str(refusal)), 422
    db.session.commit()
    flash(staff_action_labels(name)["done"], "success")
    return redirect(_signature_url(signature), 303)


def compute_fingerprint(signature: Signature) -> str:
    """Return a keyed hash of what a page shows of a signature."""
    return keyed_hashes("seen", repr([(name, getattr(signature, name)) for name in FINGERPRINTED_FIELDS]))[0]


def _signature(signature_id: int, *, lock: bool = False) -> Signature:
    # The lock is on the signature alone: the petition that comes with it is everybody's.
    found = (
        db.session.get(
            Signature, signature_id, with_for_update={"of": Signature} if lock else None, populate_existing=True
        )
        if signature_id < 2**63
        else None
    )
    return found or abort(404)


def _signature_url(signature: Signature) -> str:
    return url_for("desk_signature.show", signature_id=signature.id)


def _page(signature: Signature, **said: Any) -> str:
    return render_template(
        "signatures/signature.html",
        signature=signature,
        events=list_events(signature),
        acts=list_allowed_actions(signature),
        seen=compute_fingerprint(signature),
        translate=_,
        **said,
    )


def _ask_page(
    signature: Signature, name: str, form: dict[str, Any], errors: dict[str, str] | None = None, status: int = 200
) -> tuple[str, int]:
    fields = [field for field in EDITABLE_FIELDS if field != "organisation" or signature.party == Party.ORGANISATION]
    return render_template(
        "signatures/act.html",
        signature=signature,
        act=name,
        fields=fields if name == "correct" else [],
        needs_reason=name in ACTIONS_WITH_REASON,
        form=form,
        errors=errors or {},
        seen=compute_fingerprint(signature),
    ), status
