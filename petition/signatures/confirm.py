"""Confirm a signature, once, as the owner of the mailbox asks; or disown it, if they say it was not them."""

from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import func, update
from sqlalchemy.orm import attributes

from petition.core import tokens
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import InvalidTransition
from petition.core.optimistic_lock import EditConflict
from petition.petitions.counters import increment
from petition.signatures.fingerprint import compute_fingerprint, derive_salt
from petition.signatures.links import ExpiredLink, LinkTarget, get_by_confirm_token, read_confirm_token
from petition.signatures.models import Signature, SignatureState
from petition.signatures.queries import CONFIRM, CONFIRM_BY_LINK


class ConfirmedSignature(NamedTuple):
    """A signature that was just confirmed: what its links are made of."""

    id: int
    generation: int


class ConfirmationClosed(InvalidTransition):
    """The petition closed more than a day ago: links that were sent before no longer confirm."""

    def __init__(self, signature: Signature) -> None:
        super().__init__({"token": _("This has closed, and links sent before are no longer honoured.")})
        self.signature = signature


class DetailsChanged(EditConflict):
    """The details changed since the confirmation page showed them."""

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.signature = signature


class SignatureEnded(ExpiredLink):
    """The signature was withdrawn, disowned or invalidated: its link no longer confirms."""

    def __init__(self, signature: Signature) -> None:
        super().__init__(signature, _("This signature was taken back, so the link no longer works."))


def confirm_by_link(token: str, seen: str | None = None) -> LinkTarget:
    """Confirm the pending signature of a link, once, and return it; again returns it as it is. Commits.

    `seen`: the fingerprint of what the confirmation page showed; None confirms whatever the details are, as the API
    does. One statement where nothing is in the way; else `confirm` in a transaction, which finds out what is. Raises
    `UnknownLink`, `ExpiredLink`, `SignatureEnded`, `ConfirmationClosed` or `DetailsChanged`.
    """
    confirmed = _confirm_in_one_statement(token, seen)
    if confirmed:
        return confirmed
    signature = get_by_confirm_token(token, lock=True)
    if seen and signature.state == SignatureState.PENDING and seen != compute_fingerprint(signature):
        raise DetailsChanged(signature)
    confirm(signature)
    db.session.commit()
    if signature.state != SignatureState.CONFIRMED:
        raise SignatureEnded(signature)
    return signature


def _confirm_in_one_statement(token: str, seen: str | None) -> ConfirmedSignature | None:
    try:
        signature_id, generation = read_confirm_token(token)
    except tokens.BadToken:
        return None
    values = {"id": signature_id, "generation": generation, "seen": seen, "salt": derive_salt(signature_id)}
    row = execute_autocommit(CONFIRM_BY_LINK, values)
    return ConfirmedSignature(*row) if row else None


def confirm(signature: Signature) -> bool:
    """Confirm a pending signature and count it. Returns whether this call did it: of concurrent calls, one does.

    Flushes, does not commit. Raises `ConfirmationClosed` when the petition no longer takes confirmations.
    """
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        raise ConfirmationClosed(signature)
    done = db.session.execute(CONFIRM, {"id": signature.id}).one_or_none() is not None
    db.session.refresh(signature)
    return done


def disown(signature: Signature) -> bool:
    """Erase a signature that was made with somebody else's address, and never mail that address about it again.

    Keeps the canonical address for that, and erases every other detail. Returns whether this call did it. Flushes, does
    not commit.
    """
    erased: dict[str, Any] = {
        "name": "", "organisation": None, "email": "", "profession": None, "city": None, "postal_code": None,
        "country": None, "listed": False, "updates": False, "ended_at": func.now(),
    }  # fmt: skip
    if transition(signature, SignatureState.PENDING, SignatureState.DISOWNED, **erased):
        return True
    if not transition(signature, SignatureState.CONFIRMED, SignatureState.DISOWNED, **erased):
        return False
    increment(signature.petition_id, signature.id, signature.party, -1)
    return True


def transition(signature: Signature, before: str, after: str, **values: Any) -> bool:
    """Move a signature from one state to another if it is still in the first; of concurrent calls, one succeeds."""
    statement = update(Signature).where(Signature.id == signature.id, Signature.state == before)
    changed = statement.values(state=after, **values).returning(*Signature.__table__.columns)
    row = db.session.execute(changed.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        db.session.refresh(signature)
        return False
    for name, value in row._mapping.items():
        attributes.set_committed_value(signature, name, value)
    return True
