"""What signers do with their own signature: change how it is shown, stop updates, withdraw, erase."""

from typing import Any

from sqlalchemy import func

from petition.backups import journal
from petition.backups.models import Act
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.petitions.counters import increment
from petition.signatures.confirm import transition
from petition.signatures.consent import get_or_create_wording_id
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.review.rules import find_flags, review_after_change
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email
from petition.signatures.validation import clean_text


def withdraw(signature: Signature) -> bool:
    """Withdraw a confirmed signature: uncount it, unlist it, enqueue the email that says so. Flushes.

    Returns whether this call did it.
    """
    if not transition(
        signature, SignatureState.CONFIRMED, SignatureState.WITHDRAWN, ended_at=func.now(), updates=False
    ):
        return False
    increment(signature.petition_id, signature.id, signature.party, -1)
    journal.record(Act.WITHDRAWN, signature.id, signature.email_canonical)
    enqueue_email(signature, "withdrawn", NOTIFICATIONS)
    return True


def update_display(signature: Signature, profession: Any, listed: bool) -> None:
    """Change the profession that is shown and whether the name is listed, of a confirmed signature.

    A new profession waits for the team's review where the rules say so. Raises `ValidationError`.
    """
    if signature.state != SignatureState.CONFIRMED:
        return
    try:
        cleaned = clean_text(profession, "profession")
    except ValueError as error:
        raise ValidationError({"profession": str(error)}) from None
    if cleaned != signature.profession and find_flags(Party.PERSON, "", cleaned):
        signature.review = review_after_change(signature.review, flagged=True)
    signature.profession = cleaned
    if signature.listed and not listed:
        journal.record(Act.UNLISTED, signature.id, signature.email_canonical)
    signature.listed = listed


def set_updates(signature: Signature, enabled: bool) -> None:
    """Start or stop updates by email, and record the wording agreed to. Only a confirmed signature can start them."""
    enabled = enabled and signature.state == SignatureState.CONFIRMED
    if enabled and not signature.updates:
        signature.updates_wording_id = get_or_create_wording_id(signature.petition, signature.locale)
        signature.updates_at = clock.now()
    if signature.updates and not enabled:
        journal.record(Act.UNSUBSCRIBED, signature.id, signature.email_canonical)
    signature.updates = enabled


def enqueue_personal_link(signature: Signature) -> None:
    """Enqueue the link to the personal page, unless `may_send_email` says no. Flushes."""
    if may_send_email(get_todays_emails(signature.id)):
        enqueue_email(signature, "personal_link", NOTIFICATIONS)


def enqueue_replacement_link(signature: Signature) -> None:
    """Enqueue a link to replace one that expired: to confirm, or to the personal page. Flushes."""
    if not may_send_email(get_todays_emails(signature.id)):
        return
    if signature.state == SignatureState.PENDING:
        signature.requested_at = clock.now()
        enqueue_email(signature, "confirm_signature", CONFIRMATIONS)
    elif signature.state == SignatureState.CONFIRMED:
        enqueue_email(signature, "personal_link", NOTIFICATIONS)


def erase(signature: Signature) -> None:
    """Delete a signature with all its details, and uncount it. Flushes, does not commit."""
    journal.record(Act.ERASED, signature.id, signature.email_canonical)
    if signature.state == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, -1)
    db.session.delete(signature)
    db.session.flush()
