"""The block of organisations as the team arranges it: a chosen order, then the alphabet; a short name where wanted."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select, tuple_

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.petitions.models import Petition
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.validation import clean_text

PAGE_SIZE = 500
MAX_COMPARED = 5_000  # organisations among which duplicates are looked for
MAX_LOGO_CHARACTERS = 60  # characters
MOVES = ("up", "down", "pin", "unpin")


def confirmed_query(petition: Petition) -> Select[Any]:
    """Return the query of a petition's organisations that count."""
    return select(Signature).where(
        Signature.petition_id == petition.id,
        Signature.party == Party.ORGANISATION,
        Signature.state == SignatureState.CONFIRMED,
    )


def list_positioned(petition: Petition) -> list[Signature]:
    """Return the organisations that have a place of their own, in order."""
    query = confirmed_query(petition).where(Signature.list_position.is_not(None))
    return list(db.session.scalars(query.order_by(Signature.list_position, Signature.id)))


def list_unpositioned(petition: Petition, after_id: int | None = None) -> list[Signature]:
    """Return a page of the other organisations, by name, that come after one."""
    query = confirmed_query(petition).where(Signature.list_position.is_(None))
    after = db.session.get(Signature, after_id) if after_id else None
    if after is not None and after.petition_id == petition.id:
        query = query.where(tuple_(Signature.organisation, Signature.id) > (after.organisation, after.id))
    return list(db.session.scalars(query.order_by(Signature.organisation, Signature.id).limit(PAGE_SIZE)))


def get_organisation(petition: Petition, signature_id: int) -> Signature:
    """Return an organisation's signature under a petition, in any state. Raises `Gone`."""
    found = db.session.get(Signature, signature_id) if signature_id < 2**63 else None
    if found is None or found.petition_id != petition.id or found.party != Party.ORGANISATION:
        raise NotFound({"organisation": "there is no such organisation under this petition"})
    return found


def reposition(petition: Petition, signature: Signature, how: str) -> tuple[int | None, int | None]:
    """Give an organisation a place, the next or the one before, or none; returns its place before and after.

    The caller holds the petition, so that two who move are one after the other. Flushes.
    """
    order, before = list_positioned(petition), signature.list_position
    place = next((n for n, one in enumerate(order) if one.id == signature.id), None)
    if how == "pin" and place is None and signature.state == SignatureState.CONFIRMED:
        order.append(signature)
    elif how == "unpin" and place is not None:
        order.remove(signature)
        signature.list_position = None
    elif how in ("up", "down") and place is not None:
        other = place + (1 if how == "down" else -1)
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
    for number, one in enumerate(order, 1):
        one.list_position = number
    db.session.flush()
    return before, signature.list_position


def set_logo_text(signature: Signature, words: str) -> None:
    """Set what stands in the block in place of an organisation's name; empty for the name. Raises `Refusal`."""
    try:
        found = clean_text(words, "organisation")
    except ValueError as error:
        raise ValidationError({"logo_text": str(error)}) from None
    if found and len(found) > MAX_LOGO_CHARACTERS:
        raise ValidationError({"logo_text": "too long"})
    signature.logo_text = found
    db.session.flush()


def find_duplicates(petition: Petition) -> list[Sequence[tuple[int, str]]]:
    """Return groups of organisations, as (id, name), whose names are the same but for case, accents and marks."""
    query = confirmed_query(petition).with_only_columns(Signature.id, Signature.organisation).order_by(Signature.id)
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for signature_id, name in db.session.execute(query.limit(MAX_COMPARED)):
        plain = unicodedata.normalize("NFKD", name or "").casefold()
        groups["".join(c for c in plain if c.isalnum())].append((signature_id, name or ""))
    return [group for key, group in groups.items() if key and len(group) > 1]
