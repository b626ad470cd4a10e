"""Make a signature count, once, as the owner of the mailbox says; or never, if they say it was not them."""

from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import attributes

from petition.core.db import db
from petition.core.errors import Refusal
from petition.petitions.count import bump
from petition.signatures.models import CONFIRMED, DISOWNED, PENDING, Signature, confirmation_numbers


class TooLate(Refusal):
    """The petition closed more than a day ago."""

    def __init__(self) -> None:
        super().__init__({"token": "closed"})


def confirm(signature: Signature) -> bool:
    """Count a pending signature. Returns whether this call did it: however many come at once, one does.

    Flushes, does not commit. Raises `TooLate` when the petition no longer takes confirmations.
    """
    if signature.state == PENDING and not signature.petition.people_can_confirm:
        raise TooLate
    values = {"confirmed_at": func.now(), "confirmed_no": confirmation_numbers.next_value()}
    if not move(signature, PENDING, CONFIRMED, **values):
        return False
    bump(signature.petition_id, signature.id, signature.party, +1)
    return True


def disown(signature: Signature) -> bool:
    """Strike a signature whose address was used by somebody else: never counted, its owner never mailed about it again.

    Keeps the canonical address, so that it is never mailed again, and erases every other detail. Returns whether this
    call did it. Flushes, does not commit.
    """
    erased: dict[str, Any] = {
        "name": "", "organisation": None, "email": "", "profession": None, "city": None, "postal_code": None,
        "country": None, "listed": False, "updates": False, "ended_at": func.now(),
    }  # fmt: skip
    if move(signature, PENDING, DISOWNED, **erased):
        return True
    if not move(signature, CONFIRMED, DISOWNED, **erased):
        return False
    bump(signature.petition_id, signature.id, signature.party, -1)
    return True


def move(signature: Signature, before: str, after: str, **values: Any) -> bool:
    """Move a signature from one state to another if it is still in the first; the database picks one winner."""
    statement = update(Signature).where(Signature.id == signature.id, Signature.state == before)
    changed = statement.values(state=after, **values).returning(*Signature.__table__.columns)
    row = db.session.execute(changed.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        db.session.refresh(signature)
        return False
    for name, value in row._mapping.items():
        attributes.set_committed_value(signature, name, value)
    return True
