"""What signers do with their own signature: change how it shows, stop the news, withdraw, erase."""

from typing import Any

from sqlalchemy import func

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.petitions.counters import increment
from petition.signatures.confirm import transition
from petition.signatures.consent import get_or_create_wording_id
from petition.signatures.models import Signature, SignatureState
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email
from petition.signatures.validation import clean_text


def withdraw(signature: Signature) -> bool:
    """Take a signature back: counted down, off the list, told by mail. Returns whether this call did it.

    Flushes, does not commit.
    """
    if not transition(
        signature, SignatureState.CONFIRMED, SignatureState.WITHDRAWN, ended_at=func.now(), updates=False
    ):
        return False
    increment(signature.petition_id, signature.id, signature.party, -1)
    enqueue_email(signature, "withdrawn", NOTIFICATIONS)
    return True


def update_display(signature: Signature, profession: Any, listed: bool) -> None:
    """Change the role that is shown and whether the name is listed. Raises `Refusal` with help."""
    if signature.state != SignatureState.CONFIRMED:
        return
    try:
        signature.profession = clean_text(profession, "profession")
    except ValueError as error:
        raise ValidationError({"profession": str(error)}) from None
    signature.listed = listed


def set_updates(signature: Signature, wanted: bool) -> None:
    """Start or stop the campaign's news, recording the words agreed to. Flushes."""
    wanted = wanted and signature.state == SignatureState.CONFIRMED
    if wanted and not signature.updates:
        signature.updates_wording_id = get_or_create_wording_id(signature.petition, signature.locale)
        signature.updates_at = clock.now()
    signature.updates = wanted


def enqueue_personal_link(signature: Signature) -> None:
    """Owe the owner the link to their own page, unless one left a minute ago. Flushes."""
    if may_send_email(get_todays_emails(signature.id)):
        enqueue_email(signature, "personal_link", NOTIFICATIONS)


def enqueue_replacement_link(signature: Signature) -> None:
    """Owe the owner a link in place of one that expired: to confirm, or to their page. Flushes."""
    if not may_send_email(get_todays_emails(signature.id)):
        return
    if signature.state == SignatureState.PENDING:
        signature.requested_at = clock.now()
        enqueue_email(signature, "confirm_signature", CONFIRMATIONS)
    elif signature.state == SignatureState.CONFIRMED:
        enqueue_email(signature, "personal_link", NOTIFICATIONS)


def erase(signature: Signature) -> None:
    """Delete a signature and all its details; it no longer counts. Flushes, does not commit."""
    if signature.state == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, -1)
    db.session.delete(signature)
    db.session.flush()
