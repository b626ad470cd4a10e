"""Confirm a signature: count it once, when the owner of the mailbox says so. Or disown it: they did not sign."""

from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import func, update
from sqlalchemy.orm import attributes

from petition.backups import journal
from petition.backups.models import Act
from petition.core import tokens
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import Conflict, InvalidTransition
from petition.petitions.counters import increment
from petition.petitions.statistics.models import COUNTER_SLOTS
from petition.signatures.abuse.presses import UNWATCHED, Press
from petition.signatures.fingerprint import derive_salt, is_current
from petition.signatures.links import (
    STATE_PROBLEMS,
    LinkTarget,
    get_by_confirm_token,
    link_problem_message,
    read_confirm_token,
)
from petition.signatures.models import Signature, SignatureState, confirmation_numbers
from petition.signatures.partner_news import consents
from petition.signatures.queries import CONFIRM_BY_LINK_SQL, NOTE_CONFIRMATION_SQL, NOTE_HELD_PRESS_SQL

ERASED_DETAILS: dict[str, Any] = {
    "name": "", "organisation": None, "email": "", "profession": None, "city": None, "postal_code": None,
    "country": None, "listed": False, "withheld_name": None,
}  # fmt: skip


class ConfirmedSignature(NamedTuple):
    """A signature that was confirmed just now: what its links are made of."""

    id: int
    generation: int


class ConfirmationClosed(InvalidTransition):
    """The petition closed longer ago than the grace period."""

    def __init__(self, signature: Signature) -> None:
        super().__init__({"token": _("This has closed, and links sent before are no longer honoured.")})
        self.signature = signature


class SignatureEnded(InvalidTransition):
    """The signature was withdrawn, disowned or invalidated, and cannot be confirmed."""

    def __init__(self, signature: Signature) -> None:
        super().__init__({"token": link_problem_message(STATE_PROBLEMS[SignatureState(signature.state)])})
        self.signature = signature


class DetailsChanged(Conflict):
    """The details changed since the confirmation page showed them."""

    def __init__(self, signature: Signature) -> None:
        super().__init__(
            {"form": _("These details have changed since you opened the page. Please read them once more.")}
        )
        self.signature = signature


class LooksAutomatic(Conflict):
    """The press may be a machine's: nothing is confirmed, and whoever reads the page presses once more."""

    def __init__(self, signature: Signature) -> None:
        super().__init__({"form": _("Programs that check mail press buttons, too. Please press once more.")})
        self.signature = signature


def confirm(token: str, seen: str | None = None, press: Press = UNWATCHED) -> LinkTarget:
    """Confirm the signature that a link is for, and return it. Commits by itself.

    `seen` is the fingerprint of the details that the confirmation page showed, empty if it sent none; None where there
    is no page: the API. `press`: of its button, from where and how soon. Idempotent: a signature is counted once,
    however many requests come at once, and one that is confirmed already is returned too.

    The usual case takes one autocommitted statement; where that changes no row, the signature is locked and looked at.
    Raises `UnknownLink`, `ExpiredLink`, `ConfirmationClosed`, `SignatureEnded`, or `DetailsChanged` for a pending
    signature that is not what `seen` was computed from, or `LooksAutomatic` where the press may be a machine's.
    """
    confirmed = _confirm_in_one_statement(token, seen, press)
    if confirmed:
        return confirmed
    signature = get_by_confirm_token(token, lock=True)
    if signature.state == SignatureState.PENDING:
        _require_open(signature)
        # Of a page that was opened before the key was rotated, too: the statement knows the current key alone.
        if seen is not None and not is_current(signature, seen):
            raise DetailsChanged(signature)
        if press.looks_automatic(signature.id, signature.network):
            db.session.execute(NOTE_HELD_PRESS_SQL, {"id": signature.id})
            db.session.commit()
            raise LooksAutomatic(signature)
        if confirm_signature(signature):
            db.session.execute(NOTE_CONFIRMATION_SQL, {"id": signature.id, "networks": press.networks})
    db.session.commit()
    if not signature.is_confirmed:
        raise SignatureEnded(signature)
    return signature


def _confirm_in_one_statement(token: str, seen: str | None, press: Press) -> ConfirmedSignature | None:
    try:
        signature_id, generation = read_confirm_token(token)
    except tokens.BadToken:
        return None
    salt = derive_salt(signature_id)
    values = {
        "id": signature_id, "generation": generation, "seen": seen, "salt": salt, "counter_slots": COUNTER_SLOTS,
        "networks": press.networks, "is_read": press.is_read(signature_id),
    }  # fmt: skip
    row = execute_autocommit(CONFIRM_BY_LINK_SQL, values)
    return ConfirmedSignature(*row) if row else None


def _require_open(signature: Signature) -> None:
    if not signature.petition.people_can_confirm:
        raise ConfirmationClosed(signature)


def confirm_signature(signature: Signature) -> bool:
    """Confirm a loaded signature without its link. Returns whether this call did it. Flushes, does not commit.

    Raises `ConfirmationClosed` when the petition no longer accepts confirmations.
    """
    if signature.state == SignatureState.PENDING:
        _require_open(signature)
    columns = {"confirmed_at": func.now(), "confirmed_no": confirmation_numbers.next_value()}
    if not transition(signature, SignatureState.PENDING, SignatureState.CONFIRMED, **columns):
        return False
    increment(signature.petition_id, signature.id, signature.party, +1)
    return True


def disown(signature: Signature) -> bool:
    """End a signature that somebody else made with this address. Returns whether this call did it.

    It no longer counts, is not listed, and is never emailed about this petition again: of its details the canonical
    address is kept. The others, except the consent to updates, are kept for a time (`retention.erase_disowned`), as
    whoever pressed the button may not be its signer: one that was confirmed can be restored by the team (`restore`),
    and any by the link that disowned it (`take_back`). Flushes, does not commit.
    """
    ended = {"updates": False, "passed_on": False, "ended_at": func.now()}
    if not end_confirmed(signature, SignatureState.DISOWNED, **ended) and not transition(
        signature, SignatureState.PENDING, SignatureState.DISOWNED, **ended
    ):
        return False
    consents.end([signature.id])
    journal.record(Act.DISOWNED, signature.id, signature.email_canonical)
    return True


def can_be_restored(signature: Signature) -> bool:
    """Say whether a signature was confirmed, then disowned, and still has its details."""
    return signature.state == SignatureState.DISOWNED and bool(signature.confirmed_at and signature.email)


def take_back(signature: Signature) -> bool:
    """Undo `disown` for the holder of its link: pending again, or confirmed and counted if it was. Flushes.

    Returns whether this call did it. Links stay valid as they were, which `restore` by the team ends.
    """
    if signature.state != SignatureState.DISOWNED or not signature.email:
        return False
    before = signature.former_state
    if not transition(signature, SignatureState.DISOWNED, before, ended_at=None):
        return False
    if before == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, +1)
    journal.record(Act.PUT_BACK, signature.id, signature.email_canonical)
    return True


def restore(signature: Signature) -> bool:
    """Make a disowned signature confirmed again, as it was but for the updates, and count it. Flushes.

    Returns whether this call did it. Links sent before are void, as one of them disowned it: the next one works.
    """
    if not can_be_restored(signature):
        return False
    values = {"ended_at": None, "valid_from": Signature.generation + 1}
    former = signature.former_state
    if not transition(signature, SignatureState.DISOWNED, former, **values):
        return False
    if former == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, +1)
    journal.record(Act.PUT_BACK, signature.id, signature.email_canonical)
    return True


def end_confirmed(signature: Signature, after: str, **values: Any) -> bool:
    """End a signature that its signer confirmed, and uncount it if it counted. Flushes. Returns whether this call did.

    One that is quarantined is not counted, and ends all the same.
    """
    if transition(signature, SignatureState.CONFIRMED, after, **values):
        increment(signature.petition_id, signature.id, signature.party, -1)
        return True
    return transition(signature, SignatureState.QUARANTINED, after, **values)


def transition(signature: Signature, before: str, after: str, **values: Any) -> bool:
    """Move a signature from one state to another if it is still in the first. Flushes. Returns whether it was.

    Of concurrent transitions the database lets one through. The loaded signature has the row's values afterwards.
    """
    statement = update(Signature).where(Signature.id == signature.id, Signature.state == before)
    changed = statement.values(state=after, **values).returning(*Signature.__table__.columns)
    row = db.session.execute(changed.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        db.session.refresh(signature)
        return False
    for name, value in row._mapping.items():
        attributes.set_committed_value(signature, name, value)
    return True
