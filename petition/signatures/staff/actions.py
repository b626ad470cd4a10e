"""What the team does to one signature at its signer's request, or for a reason; each act is on record."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.delivery.queues import NOTIFICATIONS
from petition.signatures.confirm import ConfirmationClosed
from petition.signatures.confirm import confirm_signature as confirm_verb
from petition.signatures.models import Signature, SignatureState
from petition.signatures.self_service import enqueue_replacement_link
from petition.signatures.self_service import withdraw as withdraw_verb
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email
from petition.signatures.staff.edit import edit_details as correct_verb
from petition.signatures.staff.invalidate import invalidate as invalidate_verb
from petition.signatures.staff.invalidate import reinstate as reinstate_verb
from petition.team import audit

MAX_REASON_CHARACTERS = 200  # characters
# Which acts a signature's state calls for, in the order in which they are offered.
ACTIONS_BY_STATE: dict[str, tuple[str, ...]] = {
    SignatureState.PENDING: ("resend", "correct", "confirm", "invalidate"),
    SignatureState.CONFIRMED: ("resend", "correct", "withdraw", "invalidate"),
    SignatureState.INVALIDATED: ("reinstate",),
}
ACTIONS_WITH_REASON = ("confirm", "invalidate", "reinstate")
# What the record calls each act.
AUDIT_ACTIONS = {
    "resend": "resent", "correct": "corrected", "confirm": "confirmed", "withdraw": "withdrawn",
    "invalidate": "invalidated", "reinstate": "reinstated",
}  # fmt: skip


def list_allowed_actions(signature: Signature) -> tuple[str, ...]:
    """Return what can be done to a signature in its state."""
    return ACTIONS_BY_STATE.get(signature.state, ())


def perform_action(name: str, signature: Signature, form: Mapping[str, Any], actor: str | None = None) -> None:
    """Do one of the acts and record it. The form holds the reason, or what is to be corrected.

    Flushes, does not commit. Raises `Refusal` by field, with nothing done.
    """
    if name not in list_allowed_actions(signature):
        raise ValidationError({"form": _("This signature is not in a state for that.")})
    before = {"state": signature.state}
    after = _ACTION_HANDLERS[name](signature, form)
    after["state"] = signature.state
    audit.record(f"signature.{AUDIT_ACTIONS[name]}", "signature", signature.id, before=before, after=after, actor=actor)


def validate_reason(form: Mapping[str, Any]) -> str:
    """Return the reason given, for the record. Raises `Refusal` without one, or with an address in it."""
    reason = " ".join(str(form.get("reason") or "").replace("\0", " ").split())
    if not reason:
        raise ValidationError({"reason": _("Give the reason: it stays on record.")})
    if len(reason) > MAX_REASON_CHARACTERS:
        raise ValidationError({"reason": _("Keep this within %(number)s characters.", number=MAX_REASON_CHARACTERS)})
    if "@" in reason:
        raise ValidationError(
            {"reason": _("Please leave out addresses: the record is kept for longer than signatures.")}
        )
    return reason


def resend(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Owe the signer the link again: to confirm, or to their page."""
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        raise ValidationError({"form": _("The petition has closed: no link would be honoured.")})
    if not may_send_email(get_todays_emails(signature.id)):
        raise ValidationError(
            {"form": _("Not now: an email to this signer waits, or left a minute ago, or five were owed today.")}
        )
    enqueue_replacement_link(signature)
    return {}


def confirm(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Count a pending signature without its link, and let its owner's mailbox know where the signature can be seen."""
    reason = validate_reason(form)
    try:
        confirm_verb(signature)
    except ConfirmationClosed:
        raise ValidationError(
            {"form": _("The petition closed more than a day ago: nothing can be confirmed.")}
        ) from None
    enqueue_email(signature, "personal_link", NOTIFICATIONS)
    return {"reason": reason}


def correct(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Correct a typo; the record names the fields, and not what they said."""
    changed = correct_verb(signature, form)
    if not changed:
        raise ValidationError({"form": _("Nothing is different.")})
    return {"fields": changed}


def withdraw(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Take a signature back at its signer's request, who is told by mail."""
    withdraw_verb(signature)
    return {}


def invalidate(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Strike a signature that does not hold."""
    reason = validate_reason(form)
    invalidate_verb(signature)
    return {"reason": reason}


def reinstate(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Put back what was struck in error."""
    reason = validate_reason(form)
    reinstate_verb(signature)
    return {"reason": reason}


_ACTION_HANDLERS: dict[str, Callable[[Signature, Mapping[str, Any]], dict[str, Any]]] = {
    verb.__name__: verb for verb in (resend, confirm, correct, withdraw, invalidate, reinstate)
}
