"""Staff actions on one signature, at its signer's request or for a reason; each is in the audit trail."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from petition.core.exceptions import InvalidTransition, ValidationError
from petition.delivery.queues import NOTIFICATIONS
from petition.signatures.confirm import ConfirmationClosed, can_be_restored, confirm_signature, restore
from petition.signatures.models import ReviewState, Signature, SignatureState
from petition.signatures.personal import address_change, self_service
from petition.signatures.review import decisions
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email
from petition.signatures.staff import invalidate as invalidation
from petition.signatures.staff import quarantine, restriction
from petition.signatures.staff.edit import edit_details
from petition.team import audit

MAX_REASON_CHARACTERS = 200
# The actions that each state allows, in the order in which they are offered.
ACTIONS_BY_STATE: dict[str, tuple[str, ...]] = {
    SignatureState.PENDING: ("resend", "correct", "confirm", "invalidate"),
    SignatureState.CONFIRMED: ("resend", "correct", "change_address", "withdraw", "quarantine", "invalidate"),
    SignatureState.QUARANTINED: ("release", "resend", "correct", "withdraw", "invalidate"),
    SignatureState.INVALIDATED: ("reinstate",),
    SignatureState.DISOWNED: ("restore",),
}
# What a person may ask for in any state, beside `stop_updates`.
RIGHTS = ("restrict", "erase")
# Of a confirmed signature, as its name was reviewed or not.
REVIEW_ACTIONS: dict[str | None, tuple[str, ...]] = {
    ReviewState.WAITING: ("show_name", "hide_name"), ReviewState.REJECTED: ("show_name",),
}  # fmt: skip
ACTIONS_WITH_REASON = (
    "change_address", "confirm", "invalidate", "reinstate", "restore", "quarantine",
    "release", "restrict", "lift", "erase",
)  # fmt: skip
# The name of each action in the audit trail, after "signature.".
AUDIT_ACTIONS = {
    "resend": "resent", "correct": "corrected", "change_address": "address_given", "confirm": "confirmed",
    "withdraw": "withdrawn", "invalidate": "invalidated", "reinstate": "reinstated", "restore": "restored",
    "show_name": "name_approved", "hide_name": "name_rejected", "stop_updates": "updates_stopped",
    "restrict": "restricted", "lift": "restriction_lifted", "erase": "erased",
    "quarantine": "quarantined", "release": "released",
}  # fmt: skip


def list_allowed_actions(signature: Signature) -> tuple[str, ...]:
    """Return the names of the actions that a signature's state allows."""
    if signature.anonymised_at is not None:
        return ()
    if signature.restricted_at is not None:
        return "lift", "erase"
    if signature.state == SignatureState.DISOWNED and not can_be_restored(signature):
        return ("erase",)
    actions = ACTIONS_BY_STATE.get(signature.state, ())
    if signature.is_withheld:
        # Its signer alone writes its name and decides about it; a new address would show whose it is.
        actions = tuple(name for name in actions if name not in ("correct", "change_address"))
    elif signature.state == SignatureState.CONFIRMED:
        actions += REVIEW_ACTIONS.get(signature.review, ("hide_name",))
    return (*actions, *(("stop_updates",) if signature.updates else ()), *RIGHTS)


def perform_action(name: str, signature: Signature, form: Mapping[str, Any], actor: str | None = None) -> None:
    """Perform an action and record it. The form has the reason, or the corrected details.

    Flushes, does not commit. Raises `InvalidTransition` for an action that the state does not allow, and
    `ValidationError` by field; nothing is changed then.
    """
    if name not in list_allowed_actions(signature):
        raise InvalidTransition({"form": _("The signature’s state does not allow this.")})
    before: dict[str, Any] = {"state": signature.state}
    if name in ("show_name", "hide_name"):
        before |= decisions.describe(signature)
    after = _ACTION_HANDLERS[name](signature, form)
    after.setdefault("state", signature.state)
    audit.record(f"signature.{AUDIT_ACTIONS[name]}", "signature", signature.id, before=before, after=after, actor=actor)


def validate_reason(form: Mapping[str, Any]) -> str:
    """Return the reason, for the audit trail. Raises `ValidationError` without one, or with an address in it."""
    reason = " ".join(str(form.get("reason") or "").replace("\0", " ").split())
    if not reason:
        raise ValidationError({"reason": _("Write a reason: it stays in the audit trail.")})
    if len(reason) > MAX_REASON_CHARACTERS:
        raise ValidationError({"reason": _("Keep this within %(number)s characters.", number=MAX_REASON_CHARACTERS)})
    if "@" in reason:
        advice = _("Please leave out addresses: the audit trail is kept for longer than signatures.")
        raise ValidationError({"reason": advice})
    return reason


def _resend(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Enqueue the signer's link again: to confirm, or to the personal page."""
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        raise InvalidTransition({"form": _("The petition has closed: the link would no longer work.")})
    if not may_send_email(get_todays_emails(signature.id)):
        advice = _(
            "Not now: an email to this signer is queued, one was sent less than a minute ago, or five were requested "
            "today."
        )
        raise InvalidTransition({"form": advice})
    self_service.enqueue_replacement_link(signature)
    return {}


def _confirm(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Confirm a pending signature without its link, and email its signer the link to the personal page.

    Whoever owns the mailbox has not agreed to updates: they can start them on that page.
    """
    reason = validate_reason(form)
    try:
        confirm_signature(signature)
    except ConfirmationClosed:
        advice = _("The petition closed more than a day ago: nothing can be confirmed.")
        raise InvalidTransition({"form": advice}) from None
    self_service.stop_all_news(signature)
    enqueue_email(signature, "personal_link", NOTIFICATIONS)
    return {"reason": reason}


def _correct(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Correct details; the audit trail names the fields, not their values."""
    changed = edit_details(signature, form)
    if not changed:
        raise ValidationError({"form": _("Nothing was changed.")})
    return {"fields": changed}


def _change_address(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the owner of another address to confirm it, for a signer who cannot use the personal page.

    The present address is notified. Nothing of either is in the audit trail.
    """
    typed, reason = str(form.get("email") or ""), validate_reason(form)
    address = address_change.parse_new_address(signature, typed)
    if address_change.is_taken(signature, address):
        raise ValidationError({"email": _("Somebody signed this petition with that address already.")})
    address_change.request_change(signature, typed)
    return {"reason": reason}


def _withdraw(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Withdraw a signature at its signer's request; the signer is notified by email."""
    self_service.withdraw(signature)
    return {}


def _with_reason(change: Callable[[Signature], object]) -> Callable[[Signature, Mapping[str, Any]], dict[str, Any]]:
    """Return the handler of an action that only needs a reason."""

    def handler(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
        reason = validate_reason(form)
        change(signature)
        return {"reason": reason}

    return handler


def _restore(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Restore a signature that was disowned in error, and email its signer a new link, who can object."""
    reason = validate_reason(form)
    restore(signature)
    enqueue_email(signature, "personal_link", NOTIFICATIONS)
    return {"reason": reason}


def _show_name(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Let the public list show the name."""
    return decisions.decide(signature, ReviewState.APPROVED)


def _hide_name(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the name out of the public list; the signature counts."""
    return decisions.decide(signature, ReviewState.REJECTED)


def _stop_updates(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Stop the news at the signer's request; the signature stays."""
    self_service.stop_all_news(signature)
    return {}


def _erase(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Erase a signature at its signer's request by letter or phone."""
    reason = validate_reason(form)
    self_service.erase(signature)
    return {"reason": reason, "state": "erased"}


_ACTION_HANDLERS: dict[str, Callable[[Signature, Mapping[str, Any]], dict[str, Any]]] = {
    "resend": _resend,
    "correct": _correct,
    "change_address": _change_address,
    "confirm": _confirm,
    "withdraw": _withdraw,
    "restore": _restore,
    "invalidate": _with_reason(invalidation.invalidate),
    "reinstate": _with_reason(invalidation.reinstate),
    "quarantine": _with_reason(quarantine.quarantine),
    "release": _with_reason(quarantine.release),
    "show_name": _show_name,
    "hide_name": _hide_name,
    "stop_updates": _stop_updates,
    "restrict": _with_reason(restriction.restrict),
    "lift": _with_reason(restriction.lift),
    "erase": _erase,
}
