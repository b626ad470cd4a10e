"""Strike signatures that do not hold, keeping them as they were; and put back what was struck in error."""

from sqlalchemy import func

from petition.petitions.count import bump
from petition.signatures.confirm import move
from petition.signatures.models import CONFIRMED, INVALIDATED, PENDING, Signature


def invalidate(signature: Signature) -> bool:
    """Strike a pending or confirmed signature: not counted, not listed, never mailed. Returns whether this call did it.

    When it was confirmed, and its number, stay for `reinstate`. Flushes, does not commit.
    """
    if move(signature, PENDING, INVALIDATED, ended_at=func.now()):
        return True
    if not move(signature, CONFIRMED, INVALIDATED, ended_at=func.now()):
        return False
    bump(signature.petition_id, signature.id, signature.party, -1)
    return True


def former_state(signature: Signature) -> str:
    """Return the state that an invalidated signature had."""
    return CONFIRMED if signature.confirmed_at else PENDING


def reinstate(signature: Signature) -> bool:
    """Put an invalidated signature back as it was, its place in the list included. Returns whether this call did it."""
    before = former_state(signature)
    if not move(signature, INVALIDATED, before, ended_at=None):
        return False
    if before == CONFIRMED:
        bump(signature.petition_id, signature.id, signature.party, +1)
    return True
