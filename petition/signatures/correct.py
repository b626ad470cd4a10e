"""Correct a typo that a signer asks to have corrected."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.safeguards.addresses import Address, BadAddress, parse
from petition.safeguards.throttle import address_is_busy
from petition.signatures.details import tidy
from petition.signatures.models import CONFIRMED, ORGANISATION, PENDING, Signature
from petition.signatures.sign import EMAILS_A_DAY, mails_today, owe_link

TEXTS = ("name", "organisation", "profession", "city", "postal_code")
FIELDS = (*TEXTS, "email")


def correct(signature: Signature, form: Mapping[str, Any]) -> list[str]:
    """Correct details of a pending or confirmed signature; what the form does not name stays. Returns what changed.

    Another address voids the links of a pending signature and is owed one of its own. A confirmed signature keeps the
    mailbox that proved it: only another spelling of it is taken. Flushes. Raises `Refusal` by field.
    """
    if signature.state not in (PENDING, CONFIRMED):
        raise Refusal({"form": _("Only a pending or confirmed signature can be corrected.")})
    errors: dict[str, str] = {}
    texts = _texts(signature, form, errors)
    address = _address(signature, form, errors)
    if errors:
        raise Refusal(errors)
    changed = [field for field, value in texts.items() if getattr(signature, field) != value]
    for field in changed:
        setattr(signature, field, texts[field])
    if address and address.typed != signature.email:
        _move_to(signature, address)
        changed.append("email")
    db.session.flush()
    return changed


def _texts(signature: Signature, form: Mapping[str, Any], errors: dict[str, str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for field in TEXTS:
        if field in form and (field != "organisation" or signature.party == ORGANISATION):
            try:
                found[field] = tidy(form[field], field)
            except ValueError as error:
                errors[field] = str(error)
    if "name" in found and not found["name"]:
        errors["name"] = _("A signature needs a name.")
    if "organisation" in found and not found["organisation"]:
        errors["organisation"] = _("Give the name of the organisation.")
    return found


def _address(signature: Signature, form: Mapping[str, Any], errors: dict[str, str]) -> Address | None:
    if "email" not in form:
        return None
    try:
        address = parse(str(form["email"]))
    except BadAddress:
        errors["email"] = _("This does not look like a full email address. It should read like name@example.org.")
        return None
    if signature.state == CONFIRMED and address.canonical != signature.email_canonical:
        errors["email"] = _(
            "This address proved the signature, and another one has not: withdraw this signature, and let its owner "
            "sign again with the other address."
        )
    return address


def _move_to(signature: Signature, address: Address) -> None:
    same_mailbox = address.canonical == signature.email_canonical
    try:
        with db.session.begin_nested():
            signature.email, signature.email_canonical = address.typed, address.canonical
            db.session.flush()
    except IntegrityError:
        raise Refusal({"email": _("Somebody signed this petition with that address already.")}) from None
    if signature.state != PENDING or same_mailbox:
        return
    recent = mails_today(signature.id)
    # Whoever has the wrong address must not confirm in the right one's place.
    signature.generation += 1
    signature.valid_from = signature.generation
    signature.requested_at, signature.reminded_at = clock.now(), None
    if not recent.one_waits:  # one that waits goes to the address in force when it leaves
        owe_link(signature, address_is_busy(address.canonical), enough=recent.emails >= EMAILS_A_DAY)
