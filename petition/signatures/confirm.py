"""Make a signature count, once, as the owner of the mailbox says; or never, if they say it was not them."""

from typing import Any

from sqlalchemy import Row, func, text, update
from sqlalchemy.orm import attributes

from petition.core import tokens
from petition.core.db import db
from petition.core.errors import Refusal
from petition.petitions.count import COUNT_IN, bump
from petition.petitions.publish import known
from petition.signatures.links import read_confirm_token
from petition.signatures.models import CONFIRMED, DISOWNED, PENDING, Signature
from petition.signatures.shown import DETAILS

# One plain statement, as it is the way of every signature: whoever comes first moves the row and counts it.
CONFIRM = text(f"""
    WITH counted AS (
        UPDATE signatures AS s
        SET state = '{CONFIRMED}', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers')
        FROM petitions AS p
        WHERE s.id = :id AND s.state = '{PENDING}' AND p.id = s.petition_id
            AND coalesce(CAST(:generation AS bigint), s.generation) BETWEEN s.valid_from AND s.generation
        RETURNING s.id, s.petition_id, s.generation, s.email, {", ".join(f"s.{name}" for name in DETAILS)},
            p.slug, p.version),
    count AS ({COUNT_IN})
    SELECT * FROM counted
""")  # noqa: S608 - constants


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
    done = _confirm(signature.id) is not None
    db.session.refresh(signature)
    return done


def confirm_at_once(token: str) -> Row[Any] | None:
    """Count the pending signature that a link is for, in one statement; returns what its owner is shown of it.

    None wherever something stands in the way: the link with `by_confirm_token` and `confirm`, which say what. Rolls
    back then; else does not commit.
    """
    try:
        found = _confirm(*read_confirm_token(token))
    except tokens.BadToken:
        return None
    if found is not None:
        petition = known(found.slug)
        if petition.version == found.version and petition.people_can_confirm:
            return found
        db.session.rollback()
    return None


def _confirm(signature_id: int, generation: int | None = None) -> Row[Any] | None:
    return db.session.execute(CONFIRM, {"id": signature_id, "generation": generation}).one_or_none()


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
