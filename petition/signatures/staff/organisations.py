"""Organisations of a petition as the team arranges them: positions, short names, and merged duplicates."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, func, literal, literal_column, select, tuple_

from petition.core.db import db
from petition.core.exceptions import Conflict, NotFound, ValidationError
from petition.core.ids import find_by_id, is_id
from petition.core.pagination import Page, make_page, select_page
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.signatures.confirm import transition
from petition.signatures.models import Party, Signature, SignatureState
from petition.signatures.validation import clean_text

PAGE_SIZE = 500  # organisations
MAX_COMPARED = 5_000  # organisations among which duplicates are looked for
MAX_LOGO_CHARACTERS = 60
MAX_MERGED = 20  # organisations at once
MOVES = ("up", "down", "pin", "unpin")
# In alphabetical order, as in the public list.
organisation_key: ColumnElement[str] = literal_column('collation_key(signatures.organisation) COLLATE "C"')


def confirmed_query(petition: Petition) -> Select[Any]:
    """Return the query of a petition's confirmed organisations."""
    return select(Signature).where(
        Signature.petition_id == petition.id,
        Signature.party == Party.ORGANISATION,
        Signature.state == SignatureState.CONFIRMED,
    )


def list_positioned(petition: Petition) -> list[Signature]:
    """Return the organisations that have a position, in order."""
    query = confirmed_query(petition).where(Signature.list_position.is_not(None))
    return list(db.session.scalars(query.order_by(Signature.list_position, Signature.id)))


def list_unpositioned(petition: Petition, after_id: int | None = None) -> Page[Signature]:
    """Return a page of the organisations without a position, by name; those after the organisation `after_id`."""
    query = confirmed_query(petition).where(Signature.list_position.is_(None))
    after, start = db.session.get(Signature, after_id) if after_id else None, None
    if after is not None and after.petition_id == petition.id:
        start = tuple_(func.collation_key(after.organisation), literal(after.id))
    page = select_page(query, (organisation_key, Signature.id), cursor=start, limit=PAGE_SIZE, descending=False)
    return make_page(db.session.scalars(page).all(), PAGE_SIZE, key=lambda organisation: organisation.id)


def get_organisation(petition: Petition, signature_id: int) -> Signature:
    """Return an organisation's signature of a petition, in any state. Raises `NotFound`."""
    signature = find_by_id(Signature, signature_id)
    if signature is None or signature.petition_id != petition.id or signature.party != Party.ORGANISATION:
        raise NotFound({"organisation": "there is no such organisation under this petition"})
    return signature


def reposition(petition: Petition, signature: Signature, move: str) -> tuple[int | None, int | None]:
    """Give an organisation a position, the next or previous one, or none. Return its position before and after.

    `move` is one of `MOVES`. The caller has locked the petition, which serialises concurrent moves. Flushes.
    """
    order, before = list_positioned(petition), signature.list_position
    index = next((i for i, organisation in enumerate(order) if organisation.id == signature.id), None)
    if move == "pin" and index is None and signature.state == SignatureState.CONFIRMED:
        order.append(signature)
    elif move == "unpin" and index is not None:
        order.remove(signature)
        signature.list_position = None
    elif move in ("up", "down") and index is not None:
        other = index + (1 if move == "down" else -1)
        if 0 <= other < len(order):
            order[index], order[other] = order[other], order[index]
    for position, organisation in enumerate(order, 1):
        organisation.list_position = position
    db.session.flush()
    return before, signature.list_position


def set_logo_text(signature: Signature, text: str) -> None:
    """Set the short name that is shown instead of an organisation's name; empty for the name. Flushes.

    Raises `ValidationError`.
    """
    try:
        short_name = clean_text(text, "organisation")
        if short_name and len(short_name) > MAX_LOGO_CHARACTERS:
            raise ValueError(_("Keep this within %(number)s characters.", number=MAX_LOGO_CHARACTERS))
    except ValueError as error:
        raise ValidationError({"logo_text": str(error)}) from None
    signature.logo_text = short_name
    db.session.flush()


def find_duplicates(petition: Petition) -> list[Sequence[tuple[int, str]]]:
    """Return groups of organisations, as (id, name), whose names differ only in case, accents and punctuation."""
    query = confirmed_query(petition).with_only_columns(Signature.id, Signature.organisation).order_by(Signature.id)
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for signature_id, name in db.session.execute(query.limit(MAX_COMPARED)):
        normalised = unicodedata.normalize("NFKD", name or "").casefold()
        groups["".join(c for c in normalised if c.isalnum())].append((signature_id, name or ""))
    return [group for key, group in groups.items() if key and len(group) > 1]


def get_mergeable(petition: Petition, ids: Sequence[int], *, lock: bool = False) -> list[Signature]:
    """Return the confirmed organisations of a petition among these ids. Raises `Conflict` for fewer than two."""
    candidates = [number for number in dict.fromkeys(ids) if is_id(number)][:MAX_MERGED]
    query = confirmed_query(petition).where(Signature.id.in_(candidates)).order_by(Signature.id)
    if lock:
        query = query.with_for_update(of=Signature).execution_options(populate_existing=True)
    organisations = list(db.session.scalars(query))
    if len(organisations) < 2:
        raise Conflict({"organisations": "choose two or more confirmed organisations"})
    return organisations


def merge(petition: Petition, ids: Sequence[int], kept_id: int) -> list[int]:
    """Merge organisations into the one to keep; the others no longer count. Return the ids of the others.

    The kept one takes over a position and a short name if it has none. Flushes. Raises `Conflict` when fewer than two
    are still confirmed, or the one to keep is not among them.
    """
    organisations = get_mergeable(petition, ids, lock=True)
    kept = next((organisation for organisation in organisations if organisation.id == kept_id), None)
    if kept is None:
        raise Conflict({"keep": "choose the organisation to keep"})
    others = [organisation for organisation in organisations if organisation is not kept]
    for other in others:
        kept.list_position = kept.list_position or other.list_position
        kept.logo_text = kept.logo_text or other.logo_text
    db.session.flush()
    for other in others:
        values: dict[str, Any] = {"merged_into": kept.id, "list_position": None, "ended_at": func.now()}
        if transition(other, SignatureState.CONFIRMED, SignatureState.INVALIDATED, **values):
            increment(petition.id, other.id, other.party, -1)
    return [other.id for other in others]


def unmerge(signature: Signature) -> bool:
    """Let an organisation that was merged into another count again. Return whether it changed. Flushes."""
    values: dict[str, Any] = {"merged_into": None, "ended_at": None}
    if signature.merged_into is None or not transition(
        signature, SignatureState.INVALIDATED, SignatureState.CONFIRMED, **values
    ):
        return False
    increment(signature.petition_id, signature.id, signature.party, +1)
    return True


def list_merged(petition: Petition, limit: int = 100) -> list[tuple[Signature, str | None]]:
    """Return the organisations merged last, each with the name of the one it was merged into."""
    query = select(Signature).where(
        Signature.petition_id == petition.id,
        Signature.party == Party.ORGANISATION,
        Signature.state == SignatureState.INVALIDATED,
        Signature.merged_into.is_not(None),
    )
    merged = list(db.session.scalars(query.order_by(Signature.ended_at.desc(), Signature.id).limit(limit)))
    kept_ids = [organisation.merged_into for organisation in merged]
    rows = db.session.execute(select(Signature.id, Signature.organisation).where(Signature.id.in_(kept_ids)))
    names: dict[int, str | None] = {row.id: row.organisation for row in rows}
    return [(organisation, names.get(organisation.merged_into or 0)) for organisation in merged]
