"""One signature on the team's desk: its details, its history, and what may be done to it."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Refusal
from petition.core.hashing import keyed_hashes
from petition.signatures.by_hand import DONE, NEEDS_REASON, act, may
from petition.signatures.correct import FIELDS
from petition.signatures.history import history
from petition.signatures.models import ORGANISATION, Signature
from petition.signatures.words import act_words
from petition.team import audit
from petition.team.access import guard
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
# What somebody saw who then presses a button: should any of it differ by then, nothing is done.
SEEN = (*FIELDS, "state", "listed", "updates", "confirmed_no", "ended_at")
blueprint = Blueprint("desk_signature", __name__, url_prefix="/desk/signatures")
guard(blueprint, CAMPAIGNER)


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
    if name not in may(signature):
        return abort(404) if name not in DONE else redirect(_here(signature), 303)
    return _ask_page(signature, name, {field: getattr(signature, field) or "" for field in FIELDS})


@blueprint.post("/<int:signature_id>/<name>")
def do(signature_id: int, name: str) -> Response | tuple[str, int]:
    """Do it, unless the signature is no longer what was seen."""
    if name not in DONE:
        abort(404)
    signature, form = _signature(signature_id, lock=True), request.form.to_dict()
    if form.get("seen") != seen(signature):
        db.session.rollback()
        return _page(_signature(signature_id), changed=act_words(name)["name"]), 409
    try:
        act(name, signature, form)
    except Refusal as refusal:
        db.session.rollback()
        signature = _signature(signature_id)
        if name in may(signature) and name != "resend":
            return _ask_page(signature, name, form, refusal.errors, 422)
        return _page(signature, refused=str(refusal)), 422
    db.session.commit()
    flash(act_words(name)["done"], "success")
    return redirect(_here(signature), 303)


def seen(signature: Signature) -> str:
    """Return a keyed hash of what a page shows of a signature."""
    return keyed_hashes("seen", repr([(name, getattr(signature, name)) for name in SEEN]))[0]


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


def _here(signature: Signature) -> str:
    return url_for("desk_signature.show", signature_id=signature.id)


def _page(signature: Signature, **said: Any) -> str:
    return render_template(
        "signatures/signature.html",
        signature=signature,
        events=history(signature),
        acts=may(signature),
        seen=seen(signature),
        translate=_,
        **said,
    )


def _ask_page(
    signature: Signature, name: str, form: dict[str, Any], errors: dict[str, str] | None = None, status: int = 200
) -> tuple[str, int]:
    fields = [field for field in FIELDS if field != "organisation" or signature.party == ORGANISATION]
    return render_template(
        "signatures/act.html",
        signature=signature,
        act=name,
        fields=fields if name == "correct" else [],
        needs_reason=name in NEEDS_REASON,
        form=form,
        errors=errors or {},
        seen=seen(signature),
    ), status
