"""What the team does to one signature at its signer's request, or for a reason; each act is on record."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from petition.core.errors import Refusal
from petition.delivery.lanes import NOTICES
from petition.signatures.confirm import TooLate
from petition.signatures.confirm import confirm as confirm_verb
from petition.signatures.correct import correct as correct_verb
from petition.signatures.invalidate import invalidate as invalidate_verb
from petition.signatures.invalidate import reinstate as reinstate_verb
from petition.signatures.models import CONFIRMED, INVALIDATED, PENDING, Signature
from petition.signatures.sign import mail, mails_today, may_mail
from petition.signatures.withdraw import send_new_link
from petition.signatures.withdraw import withdraw as withdraw_verb
from petition.team import audit

LONGEST_REASON = 200  # characters
# Which acts a signature's state calls for, in the order in which they are offered.
ACTS = {
    PENDING: ("resend", "correct", "confirm", "invalidate"),
    CONFIRMED: ("resend", "correct", "withdraw", "invalidate"),
    INVALIDATED: ("reinstate",),
}
NEEDS_REASON = ("confirm", "invalidate", "reinstate")
# What the record calls each act.
DONE = {
    "resend": "resent", "correct": "corrected", "confirm": "confirmed", "withdraw": "withdrawn",
    "invalidate": "invalidated", "reinstate": "reinstated",
}  # fmt: skip


def may(signature: Signature) -> tuple[str, ...]:
    """Return what can be done to a signature in its state."""
    return ACTS.get(signature.state, ())


def act(name: str, signature: Signature, form: Mapping[str, Any], actor: str | None = None) -> None:
    """Do one of the acts and record it. The form holds the reason, or what is to be corrected.

    Flushes, does not commit. Raises `Refusal` by field, with nothing done.
    """
    if name not in may(signature):
        raise Refusal({"form": _("This signature is not in a state for that.")})
    before = {"state": signature.state}
    after = _ACTS[name](signature, form)
    after["state"] = signature.state
    audit.record(f"signature.{DONE[name]}", "signature", signature.id, before=before, after=after, actor=actor)


def reason_of(form: Mapping[str, Any]) -> str:
    """Return the reason given, for the record. Raises `Refusal` without one, or with an address in it."""
    reason = " ".join(str(form.get("reason") or "").replace("\0", " ").split())
    if not reason:
        raise Refusal({"reason": _("Give the reason: it stays on record.")})
    if len(reason) > LONGEST_REASON:
        raise Refusal({"reason": _("Keep this within %(number)s characters.", number=LONGEST_REASON)})
    if "@" in reason:
        raise Refusal({"reason": _("Please leave out addresses: the record is kept for longer than signatures.")})
    return reason


def resend(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Owe the signer the link again: to confirm, or to their page."""
    if signature.state == PENDING and not signature.petition.people_can_confirm:
        raise Refusal({"form": _("The petition has closed: no link would be honoured.")})
    if not may_mail(mails_today(signature.id)):
        raise Refusal(
            {"form": _("Not now: an email to this signer waits, or left a minute ago, or five were owed today.")}
        )
    send_new_link(signature)
    return {}


def confirm(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Count a pending signature without its link, and let its owner's mailbox know where the signature can be seen."""
    reason = reason_of(form)
    try:
        confirm_verb(signature)
    except TooLate:
        raise Refusal({"form": _("The petition closed more than a day ago: nothing can be confirmed.")}) from None
    mail(signature, "personal_link", NOTICES)
    return {"reason": reason}


def correct(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Correct a typo; the record names the fields, and not what they said."""
    changed = correct_verb(signature, form)
    if not changed:
        raise Refusal({"form": _("Nothing is different.")})
    return {"fields": changed}


def withdraw(signature: Signature, _form: Mapping[str, Any]) -> dict[str, Any]:
    """Take a signature back at its signer's request, who is told by mail."""
    withdraw_verb(signature)
    return {}


def invalidate(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Strike a signature that does not hold."""
    reason = reason_of(form)
    invalidate_verb(signature)
    return {"reason": reason}


def reinstate(signature: Signature, form: Mapping[str, Any]) -> dict[str, Any]:
    """Put back what was struck in error."""
    reason = reason_of(form)
    reinstate_verb(signature)
    return {"reason": reason}


_ACTS: dict[str, Callable[[Signature, Mapping[str, Any]], dict[str, Any]]] = {
    verb.__name__: verb for verb in (resend, confirm, correct, withdraw, invalidate, reinstate)
}
