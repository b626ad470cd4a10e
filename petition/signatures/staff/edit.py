"""Correct a typo that a signer asks to have corrected."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.safeguards.email_addresses import Address, BadAddress, parse_email_address
from petition.safeguards.rate_limits import count_address_email
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.sign import MAX_EMAILS_PER_DAY, enqueue_confirmation, get_todays_emails
from petition.signatures.validation import clean_text

TEXT_FIELDS = ("name", "organisation", "profession", "city", "postal_code")
EDITABLE_FIELDS = (*TEXT_FIELDS, "email")


def edit_details(signature: Signature, form: Mapping[str, Any]) -> list[str]:
    """Correct details of a pending or confirmed signature; what the form does not name stays. Returns what changed.

    Another address voids the links of a pending signature and is owed one of its own. A confirmed signature keeps the
    mailbox that proved it: only another spelling of it is taken. Flushes. Raises `Refusal` by field.
    """
    if signature.state not in (SignatureState.PENDING, SignatureState.CONFIRMED):
        raise ValidationError({"form": _("Only a pending or confirmed signature can be corrected.")})
    errors: dict[str, str] = {}
    texts = _validate_texts(signature, form, errors)
    address = _validate_address(signature, form, errors)
    if errors:
        raise ValidationError(errors)
    changed = [field for field, value in texts.items() if getattr(signature, field) != value]
    for field in changed:
        setattr(signature, field, texts[field])
    if address and address.typed != signature.email:
        _change_address(signature, address)
        changed.append("email")
    db.session.flush()
    return changed


def _validate_texts(signature: Signature, form: Mapping[str, Any], errors: dict[str, str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for field in TEXT_FIELDS:
        if field in form and (field != "organisation" or signature.party == Party.ORGANISATION):
            try:
                found[field] = clean_text(form[field], field)
            except ValueError as error:
                errors[field] = str(error)
    if "name" in found and not found["name"]:
        errors["name"] = _("A signature needs a name.")
    if "organisation" in found and not found["organisation"]:
        errors["organisation"] = _("Give the name of the organisation.")
    return found


def _validate_address(signature: Signature, form: Mapping[str, Any], errors: dict[str, str]) -> Address | None:
    if "email" not in form:
        return None
    try:
        address = parse_email_address(str(form["email"]))
    except BadAddress:
        errors["email"] = _("This does not look like a full email address. It should read like name@example.org.")
        return None
    if signature.state == SignatureState.CONFIRMED and address.canonical != signature.email_canonical:
        errors["email"] = _(
            "This address proved the signature, and another one has not: withdraw this signature, and let its owner "
            "sign again with the other address."
        )
    return address


def _change_address(signature: Signature, address: Address) -> None:
    same_mailbox = address.canonical == signature.email_canonical
    try:
        with db.session.begin_nested():
            signature.email, signature.email_canonical = address.typed, address.canonical
            db.session.flush()
    except IntegrityError:
        raise ValidationError({"email": _("Somebody signed this petition with that address already.")}) from None
    if signature.state != SignatureState.PENDING or same_mailbox:
        return
    recent = get_todays_emails(signature.id)
    # Whoever has the wrong address must not confirm in the right one's place.
    signature.generation += 1
    signature.valid_from = signature.generation
    signature.requested_at, signature.reminded_at = clock.now(), None
    if not recent.has_waiting:  # one that waits goes to the address in force when it leaves
        enqueue_confirmation(
            signature, count_address_email(address.canonical), daily_limit_reached=recent.emails >= MAX_EMAILS_PER_DAY
        )
