"""Make a signature count, once, as the owner of the mailbox says; or never, if they say it was not them."""

from typing import Any, NamedTuple

from sqlalchemy import TextClause, func, text, update
from sqlalchemy.orm import attributes

from petition.core import tokens
from petition.core.db import db, execute_autocommit
from petition.core.exceptions import DomainError
from petition.petitions.counters import INCREMENT_CONFIRMED_SQL, increment
from petition.petitions.models import PetitionState
from petition.signatures.fingerprint import FINGERPRINT_SQL, derive_salt
from petition.signatures.links import read_confirm_token
from petition.signatures.models import Signature, SignatureState


def _confirm_statement(condition: str) -> TextClause:
    """Return the statement that moves a pending signature `s` of petition `p`, once, and counts it."""
    return text(f"""
        WITH counted AS (
            UPDATE signatures AS s
            SET state = '{SignatureState.CONFIRMED}', confirmed_at = now(), confirmed_no = nextval('confirmation_numbers')
            FROM petitions AS p
            WHERE s.id = :id AND s.state = '{SignatureState.PENDING}' AND p.id = s.petition_id AND {condition}
            RETURNING s.id, s.petition_id, s.generation, s.party),
        count AS ({INCREMENT_CONFIRMED_SQL})
        SELECT id, generation FROM counted
    """)  # noqa: S608 - constants


CONFIRM_SQL = _confirm_statement("true")
# Of a link that holds, to a petition that is open beyond doubt, and as the page showed it.
CONFIRM_BY_LINK_SQL = _confirm_statement(f"""
    :generation BETWEEN s.valid_from AND s.generation AND p.state = '{PetitionState.OPEN}'
    AND coalesce(least(p.closes_at, p.closed_at) > now(), true)
    AND (CAST(:seen AS text) IS NULL OR CAST(:seen AS text) = {FINGERPRINT_SQL})
""")


class ConfirmedSignature(NamedTuple):
    """A signature that was counted just now: what its links are made of."""

    id: int
    generation: int


class ConfirmationClosed(DomainError):
    """The petition closed more than a day ago."""

    def __init__(self) -> None:
        super().__init__({"token": "closed"})


def confirm(signature: Signature) -> bool:
    """Count a pending signature. Returns whether this call did it: however many come at once, one does.

    Flushes, does not commit. Raises `TooLate` when the petition no longer takes confirmations.
    """
    if signature.state == SignatureState.PENDING and not signature.petition.people_can_confirm:
        raise ConfirmationClosed
    done = db.session.execute(CONFIRM_SQL, {"id": signature.id}).one_or_none() is not None
    db.session.refresh(signature)
    return done


def confirm_at_once(token: str, seen: str | None = None) -> ConfirmedSignature | None:
    """Count the pending signature that a link is for, for good, in one statement; returns it.

    `seen`: the fingerprint of what its owner was shown. None wherever something stands in the way: then
    `by_confirm_token` and `confirm` say what.
    """
    try:
        signature_id, generation = read_confirm_token(token)
    except tokens.BadToken:
        return None
    values = {"id": signature_id, "generation": generation, "seen": seen, "salt": derive_salt(signature_id)}
    row = execute_autocommit(CONFIRM_BY_LINK_SQL, values)
    return ConfirmedSignature(*row) if row else None


def disown(signature: Signature) -> bool:
    """Strike a signature whose address was used by somebody else: never counted, its owner never mailed about it again.

    Keeps the canonical address, so that it is never mailed again, and erases every other detail. Returns whether this
    call did it. Flushes, does not commit.
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
