"""Strike signatures that do not hold, keeping them as they were; and put back what was struck in error."""

from sqlalchemy import func

from petition.petitions.counters import increment
from petition.signatures.confirm import transition
from petition.signatures.models import Signature, SignatureState


def invalidate(signature: Signature) -> bool:
    """Strike a pending or confirmed signature: not counted, not listed, never mailed. Returns whether this call did it.

    When it was confirmed, and its number, stay for `reinstate`. Flushes, does not commit.
    """
    if transition(signature, SignatureState.PENDING, SignatureState.INVALIDATED, ended_at=func.now()):
        return True
    if not transition(signature, SignatureState.CONFIRMED, SignatureState.INVALIDATED, ended_at=func.now()):
        return False
    increment(signature.petition_id, signature.id, signature.party, -1)
    return True


def get_former_state(signature: Signature) -> str:
    """Return the state that an invalidated signature had."""
    return SignatureState.CONFIRMED if signature.confirmed_at else SignatureState.PENDING


def reinstate(signature: Signature) -> bool:
    """Put an invalidated signature back as it was, its place in the list included. Returns whether this call did it."""
    before = get_former_state(signature)
    if not transition(signature, SignatureState.INVALIDATED, before, ended_at=None):
        return False
    if before == SignatureState.CONFIRMED:
        increment(signature.petition_id, signature.id, signature.party, +1)
    return True
