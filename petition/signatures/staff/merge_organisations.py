"""Two signatures of the same organisation become one, and two again if that was wrong."""

from collections.abc import Sequence

from sqlalchemy import func, select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.signatures.confirm import transition
from petition.signatures.models import Party, Signature, SignatureState

MAX_MERGED = 20  # at once


def get_mergeable(petition: Petition, ids: Sequence[int], *, lock: bool = False) -> list[Signature]:
    """Return the organisations among these signatures of a petition that count, two at least. Raises `Refusal`."""
    query = select(Signature).where(
        Signature.id.in_([n for n in dict.fromkeys(ids) if 0 < n < 2**63][:MAX_MERGED]),
        Signature.petition_id == petition.id, Signature.party == Party.ORGANISATION, Signature.state == SignatureState.CONFIRMED,
    )  # fmt: skip
    query = query.order_by(Signature.id)
    if lock:
        query = query.with_for_update(of=Signature).execution_options(populate_existing=True)
    found = list(db.session.scalars(query))
    if len(found) < 2:
        raise ValidationError({"organisations": "choose two organisations or more that still count"})
    return found


def merge(petition: Petition, ids: Sequence[int], kept_id: int) -> list[int]:
    """Let one organisation's signature stand for several; the others no longer count. Returns the others' ids.

    The kept one takes a place and a short name over if it has none. Flushes. Raises `Refusal`.
    """
    found = get_mergeable(petition, ids, lock=True)
    kept = next((one for one in found if one.id == kept_id), None)
    if kept is None:
        raise ValidationError({"keep": "choose the one to keep"})
    others = [one for one in found if one is not kept]
    for other in others:
        kept.list_position = kept.list_position or other.list_position
        kept.logo_text = kept.logo_text or other.logo_text
    db.session.flush()
    for other in others:
        if transition(
            other,
            SignatureState.CONFIRMED,
            SignatureState.INVALIDATED,
            merged_into=kept.id,
            list_position=None,
            ended_at=func.now(),
        ):
            increment(petition.id, other.id, other.party, -1)
    return [other.id for other in others]


def unmerge(signature: Signature) -> bool:
    """Let an organisation that was merged into another count for itself again; returns whether this call did it.

    Flushes.
    """
    if signature.merged_into is None or not transition(
        signature, SignatureState.INVALIDATED, SignatureState.CONFIRMED, merged_into=None, ended_at=None
    ):
        return False
    increment(signature.petition_id, signature.id, signature.party, +1)
    return True


def list_merged(petition: Petition, limit: int = 100) -> list[tuple[Signature, str | None]]:
    """Return the last organisations that were merged, each with the name of the one that stands for it."""
    query = select(Signature).where(
        Signature.petition_id == petition.id, Signature.party == Party.ORGANISATION, Signature.state == SignatureState.INVALIDATED,
        Signature.merged_into.is_not(None),
    )  # fmt: skip
    found = list(db.session.scalars(query.order_by(Signature.ended_at.desc(), Signature.id).limit(limit)))
    names = select(Signature.id, Signature.organisation).where(Signature.id.in_([one.merged_into for one in found]))
    standing: dict[int, str | None] = {row.id: row.organisation for row in db.session.execute(names)}
    return [(one, standing.get(one.merged_into or 0)) for one in found]
