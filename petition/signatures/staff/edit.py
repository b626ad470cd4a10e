"""Correct the details of a signature at its signer's request."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, ValidationError
from petition.core.forms import load_form
from petition.delivery.queues import CONFIRMATIONS
from petition.safeguards.email_addresses import Address, BadAddress, parse_email_address
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.review.rules import find_flags, review_after_change
from petition.signatures.sign import enqueue_email, get_todays_emails
from petition.signatures.validation import clean_text

EDITABLE_FIELDS = ("name", "organisation", "profession", "city", "postal_code", "email")


class DetailText(ma.fields.Field):  # type: ignore[type-arg]
    """A text by the same rules as on the sign form, None if empty."""

    def __init__(self) -> None:
        super().__init__(allow_none=True)

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> str | None:
        try:
            return clean_text(value, attr or "")
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


class EmailAddress(ma.fields.Field):  # type: ignore[type-arg]
    """An email address."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Address:
        try:
            return parse_email_address(str(value))
        except BadAddress:
            advice = _("This does not look like a full email address. It should read like name@example.org.")
            raise ma.ValidationError(advice) from None


class DetailsSchema(ma.Schema):
    """The details of one signature that staff can correct."""

    name = DetailText()
    organisation = DetailText()
    profession = DetailText()
    city = DetailText()
    postal_code = DetailText()
    email = EmailAddress()

    def __init__(self, signature: Signature) -> None:
        super().__init__(exclude=() if signature.party == Party.ORGANISATION else ("organisation",))
        self.signature = signature

    @ma.validates("name")
    def _require_name(self, name: str | None, **_kwargs: Any) -> None:
        if not name:
            raise ma.ValidationError(_("A signature needs a name."))

    @ma.validates("organisation")
    def _require_organisation(self, organisation: str | None, **_kwargs: Any) -> None:
        if not organisation:
            raise ma.ValidationError(_("Give the name of the organisation."))

    @ma.validates("email")
    def _require_proved_mailbox(self, address: Address, **_kwargs: Any) -> None:
        confirmed = self.signature.is_confirmed
        if confirmed and address.canonical != self.signature.email_canonical:
            raise ma.ValidationError(
                _(
                    "This address proved the signature, and another one has not: use “Change the address”, which asks "
                    "the owner of the new one to confirm it."
                )
            )


def edit_details(signature: Signature, form: Mapping[str, Any]) -> list[str]:
    """Correct details of a pending or confirmed signature and return which changed; fields not in the form stay.

    With another address, the links of a pending signature become invalid and a new one is enqueued. A confirmed
    signature keeps the mailbox that confirmed it: its address can only be spelled differently. Flushes. Raises
    `InvalidTransition`, and `ValidationError` by field. A changed name or organisation waits for the team's review
    where the rules say so.
    """
    if signature.state != SignatureState.PENDING and not signature.is_confirmed:
        raise InvalidTransition({"form": _("Only a pending or confirmed signature can be corrected.")})
    details = load_form(DetailsSchema(signature), form)
    address: Address | None = details.pop("email", None)
    changed = [field for field in EDITABLE_FIELDS if field in details and getattr(signature, field) != details[field]]
    for field in changed:
        setattr(signature, field, details[field])
    if not {"name", "organisation"}.isdisjoint(changed):
        flags = find_flags(signature.party, signature.name, signature.profession)
        signature.review = review_after_change(signature.review, flagged=bool(flags))
    if address and address.typed != signature.email:
        _change_address(signature, address)
        changed.append("email")
    db.session.flush()
    return changed


def _change_address(signature: Signature, address: Address) -> None:
    same_mailbox = address.canonical == signature.email_canonical
    try:
        with db.session.begin_nested():
            signature.email, signature.email_canonical = address.typed, address.canonical
            db.session.flush()
    except IntegrityError:
        raise ValidationError({"email": _("Somebody signed this petition with that address already.")}) from None
    if signature.state != SignatureState.PENDING:
        return
    if not same_mailbox:
        # The links sent so far went to the wrong address, whose owner must not confirm with them.
        signature.valid_from = signature.generation + 1
        signature.requested_at, signature.reminded_at = clock.now(), None
    if not same_mailbox or get_todays_emails(signature.id).has_waiting:
        # In place of one that waits, which may have been offered for the former address: a delivery goes to one alone.
        enqueue_email(signature, "confirm_signature", CONFIRMATIONS)
