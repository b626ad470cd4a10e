"""What signers do with their own signature: change how it shows, stop the news, withdraw, erase."""

from typing import Any

from sqlalchemy import func

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.delivery.lanes import CONFIRMATIONS, NOTICES
from petition.petitions.count import bump
from petition.signatures.confirm import move
from petition.signatures.consent import wording_id
from petition.signatures.details import tidy
from petition.signatures.models import CONFIRMED, PENDING, WITHDRAWN, Signature
from petition.signatures.sign import mail, mails_today, may_mail


def withdraw(signature: Signature) -> bool:
    """Take a signature back: counted down, off the list, told by mail. Returns whether this call did it.

    Flushes, does not commit.
    """
    if not move(signature, CONFIRMED, WITHDRAWN, ended_at=func.now(), updates=False):
        return False
    bump(signature.petition_id, signature.id, signature.party, -1)
    mail(signature, "withdrawn", NOTICES)
    return True


def display(signature: Signature, profession: Any, listed: bool) -> None:
    """Change the role that is shown and whether the name is listed. Raises `Refusal` with help."""
    if signature.state != CONFIRMED:
        return
    try:
        signature.profession = tidy(profession, "profession")
    except ValueError as error:
        raise Refusal({"profession": str(error)}) from None
    signature.listed = listed


def receive_updates(signature: Signature, wanted: bool) -> None:
    """Start or stop the campaign's news, recording the words agreed to. Flushes."""
    wanted = wanted and signature.state == CONFIRMED
    if wanted and not signature.updates:
        signature.updates_wording_id = wording_id(signature.petition, signature.locale)
        signature.updates_at = clock.now()
    signature.updates = wanted


def send_personal_link(signature: Signature) -> None:
    """Owe the owner the link to their own page, unless one left a minute ago. Flushes."""
    if may_mail(mails_today(signature.id)):
        mail(signature, "personal_link", NOTICES)


def send_new_link(signature: Signature) -> None:
    """Owe the owner a link in place of one that expired: to confirm, or to their page. Flushes."""
    if not may_mail(mails_today(signature.id)):
        return
    if signature.state == PENDING:
        signature.requested_at = clock.now()
        mail(signature, "confirm_signature", CONFIRMATIONS)
    elif signature.state == CONFIRMED:
        mail(signature, "personal_link", NOTICES)


def erase(signature: Signature) -> None:
    """Delete a signature and all its details; it no longer counts. Flushes, does not commit."""
    if signature.state == CONFIRMED:
        bump(signature.petition_id, signature.id, signature.party, -1)
    db.session.delete(signature)
    db.session.flush()
