"""What signers do with their own signature: change how it is shown, stop updates, withdraw, erase."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func

from petition.backups import journal
from petition.backups.models import Act
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.petitions.counters import increment
from petition.signatures.confirm import end_confirmed
from petition.signatures.consent import get_or_create_passing_on_wording_id, get_or_create_wording_id
from petition.signatures.listing.withheld import change_naming, parse_naming
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.partner_news import consents
from petition.signatures.review.rules import find_flags, review_after_change
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email
from petition.signatures.validation import clean_text, parse_country

PLACE_FIELDS = ("postal_code", "city", "country")


def withdraw(signature: Signature) -> bool:
    """Withdraw a confirmed signature: uncount it, unlist it, enqueue the email that says so. Flushes.

    Returns whether this call did it.
    """
    ended = {"ended_at": func.now(), "updates": False, "passed_on": False}
    if not end_confirmed(signature, SignatureState.WITHDRAWN, **ended):
        return False
    consents.end([signature.id])
    journal.record(Act.WITHDRAWN, signature.id, signature.email_canonical)
    enqueue_email(signature, "withdrawn", NOTIFICATIONS)
    return True


def update_details(signature: Signature, form: Mapping[str, Any]) -> None:
    """Change the details that a signer may change, of a confirmed signature; fields not in the form stay.

    That is the name, the profession and the place, as far as the petition asks for them, and whether the name is
    listed; of one that is withheld, when it is to be shown. What the list would show waits for the team's review where
    the rules say so. Raises `ValidationError`.
    """
    if not signature.is_confirmed:
        return
    errors: dict[str, str] = {}
    changed = {
        field: _clean(form[field], field, errors)
        for field in editable_fields(signature)
        if field in form
        and (form[field] or None) != (signature.own_name if field == "name" else getattr(signature, field))
    }
    if "name" in changed and not changed["name"]:
        errors.setdefault("name", _("Tell us your name."))
    is_withheld = signature.withheld_name is not None
    profession = changed.get("profession", signature.profession)
    naming = (
        parse_naming(signature.petition, form, signature.party, profession, errors, now=signature)
        if is_withheld
        else None
    )
    if errors:
        raise ValidationError(errors)
    for field, value in changed.items():
        setattr(signature, "withheld_name" if field == "name" and is_withheld else field, value)
    name = changed.get("name") if signature.party == Party.PERSON else None  # an organisation's list entry has none
    flagged = bool(find_flags(Party.PERSON, name or "", changed.get("profession")))
    if flagged or name:
        signature.review = review_after_change(signature.review, flagged=flagged)
    if is_withheld:
        change_naming(signature, naming)
        return
    listed = form.get("listed") in ("on", "true", "1")
    if signature.listed and not listed:
        journal.record(Act.UNLISTED, signature.id, signature.email_canonical)
    signature.listed = listed


def editable_fields(signature: Signature) -> list[str]:
    """Return the details that a signer may change: the name, and what the petition asks for."""
    role = signature.party == Party.ORGANISATION
    asked = [field for field in PLACE_FIELDS if field in signature.petition.asks]
    return ["name", *(["profession"] if role or "profession" in signature.petition.asks else []), *asked]


def _clean(value: Any, field: str, errors: dict[str, str]) -> str | None:
    try:
        return parse_country(value) if field == "country" else clean_text(value, field)
    except ValueError as error:
        errors[field] = str(error)
        return None


def set_updates(signature: Signature, enabled: bool) -> None:
    """Start or stop updates by email, and record the wording agreed to. Only a confirmed signature can start them."""
    enabled = enabled and signature.is_confirmed
    if enabled and not signature.updates:
        signature.updates_wording_id = get_or_create_wording_id(signature.petition, signature.locale)
        signature.updates_at = clock.now()
    if signature.updates and not enabled:
        journal.record(Act.UNSUBSCRIBED, signature.id, signature.email_canonical)
    signature.updates = enabled


def stop_all_news(signature: Signature) -> bool:
    """Stop all news by email: the team's and every partner's. Returns whether there was any. Flushes."""
    had_updates = signature.updates
    set_updates(signature, False)
    return consents.stop_all(signature) or had_updates


def set_passed_on(signature: Signature, enabled: bool) -> None:
    """Agree to be passed on, with the present wording, or take that back. Only a confirmed signature can agree."""
    if enabled and signature.is_confirmed and not signature.passed_on:
        wording_id = get_or_create_passing_on_wording_id(signature.petition, signature.locale)
        if wording_id is not None:
            signature.passed_on, signature.passed_on_wording_id = True, wording_id
            signature.passed_on_at = clock.now()
    elif signature.passed_on and not enabled:
        journal.record(Act.NOT_SHARED, signature.id, signature.email_canonical)
        signature.passed_on = False


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
    elif signature.is_confirmed:
        enqueue_email(signature, "personal_link", NOTIFICATIONS)


def erase(signature: Signature) -> None:
    """Delete a signature with all its details, and uncount it. Flushes, does not commit."""
    journal.record(Act.ERASED, signature.id, signature.email_canonical)
    if signature.state == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, -1)
    db.session.delete(signature)
    db.session.flush()
