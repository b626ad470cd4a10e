"""A signer's new address: given on the personal page or to the team, in force once the new mailbox's owner confirms."""

from datetime import timedelta

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from petition.core import clock, tokens
from petition.core.db import db
from petition.core.exceptions import Conflict, ValidationError
from petition.core.ids import MAX_ID
from petition.delivery.queues import CONFIRMATIONS, NOTIFICATIONS
from petition.safeguards.email_addresses import Address, BadAddress, parse_email_address
from petition.signatures.abuse.disposable import find_policy_error
from petition.signatures.labels import invalid_address_message
from petition.signatures.links import ExpiredLink, LinkProblem, UnknownLink, find_signature
from petition.signatures.models import Signature
from petition.signatures.request_models import AddressChange
from petition.signatures.sign import enqueue_email, get_todays_emails, may_send_email

NEW_ADDRESS_TOKEN_PURPOSE = "new_address"  # noqa: S105 - a name


class AddressTaken(Conflict):
    """Another signature of the petition has this address."""

    def __init__(self) -> None:
        super().__init__({"email": _("This address signed the same text already: that signature counts.")})


def request_change(signature: Signature, typed: str) -> None:
    """Ask the owner of another address to confirm that it is the signer's, and tell the present one. Flushes.

    Whether the other address signed too is not looked up: the answer would tell the signer (the team asks `is_taken`).
    Raises `ValidationError`.
    """
    if not signature.is_confirmed:
        return
    address = parse_new_address(signature, typed)
    if not may_send_email(get_todays_emails(signature.id)):
        advice = _("A message about this signature has just left. Please try again in a minute.")
        raise ValidationError({"email": advice})
    enqueue_email(signature, "new_address", CONFIRMATIONS)
    change = AddressChange(
        signature_id=signature.id, email=address.typed, email_canonical=address.canonical,
        generation=signature.generation, requested_at=clock.now(), confirmed_at=None,
    )  # fmt: skip
    db.session.merge(change)
    enqueue_email(signature, "address_change", NOTIFICATIONS)


def parse_new_address(signature: Signature, typed: str) -> Address:
    """Return an address that is not the one of the signature. Raises `ValidationError`."""
    try:
        address = parse_email_address(typed)
    except BadAddress:
        raise ValidationError({"email": invalid_address_message()}) from None
    if problem := find_policy_error(signature.petition, address):
        raise ValidationError({"email": problem})
    if address.typed == signature.email:
        raise ValidationError({"email": _("This is the address of your signature already.")})
    return address


def is_taken(signature: Signature, address: Address) -> bool:
    """Return whether another signature of the petition has an address. For the team alone."""
    query = select(Signature.id).where(
        Signature.petition_id == signature.petition_id, Signature.party == signature.party,
        Signature.email_canonical == address.canonical, Signature.id != signature.id,
    )  # fmt: skip
    return db.session.scalar(query) is not None


def make_token(change: AddressChange) -> str:
    """Return the token of the link that confirms a new address."""
    return tokens.make(NEW_ADDRESS_TOKEN_PURPOSE, change.signature_id, change.generation)


def get_by_token(token: str, *, lock: bool = False) -> tuple[Signature, AddressChange]:
    """Return the signature and its new address. Raises `UnknownLink` or `ExpiredLink`. `lock` locks the signature."""
    try:
        max_age = timedelta(days=current_app.config["CONFIRM_WITHIN"])
        values = tokens.read(NEW_ADDRESS_TOKEN_PURPOSE, token, max_age)
        if len(values) != 2 or max(values) > MAX_ID:
            raise tokens.BadToken
    except tokens.ExpiredToken as error:
        raise ExpiredLink(find_signature(error.values[0]), LinkProblem.EXPIRED) from None
    except tokens.BadToken:
        raise UnknownLink from None
    signature = find_signature(values[0], lock=lock)
    if signature is None:
        raise ExpiredLink(None, LinkProblem.ERASED)
    change = db.session.get(AddressChange, signature.id, populate_existing=True)
    if not signature.is_confirmed:
        raise ExpiredLink(signature, LinkProblem.EXPIRED)
    if change is None or change.generation != values[1]:
        raise ExpiredLink(signature, LinkProblem.REPLACED)
    return signature, change


def confirm_change(signature: Signature, change: AddressChange) -> None:
    """Give a signature its new address, once; links sent to the old one are void, and a new one follows. Flushes.

    Raises `AddressTaken`.
    """
    if change.confirmed_at is not None:
        return
    try:
        with db.session.begin_nested():
            signature.email, signature.email_canonical = change.email, change.email_canonical
            db.session.flush()
    except IntegrityError:
        raise AddressTaken from None
    change.confirmed_at = clock.now()
    signature.valid_from = signature.generation + 1
    enqueue_email(signature, "personal_link", NOTIFICATIONS)


def delete_old_changes() -> None:
    """Delete the changes whose links have expired, confirmed or not. Flushes."""
    oldest = func.now() - timedelta(days=current_app.config["CONFIRM_WITHIN"])
    db.session.execute(delete(AddressChange).where(AddressChange.requested_at < oldest))
