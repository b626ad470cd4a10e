"""Addresses that are never mailed again, kept as keyed hashes only."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.delivery.models import Suppression


def _hashes(address: str) -> list[str]:
    return keyed_hashes("suppression", address.strip().lower())


def suppress(address: str, reason: str) -> None:
    """Put an address on the suppression list; again changes nothing. Flushes, does not commit."""
    values = {"address_hash": _hashes(address)[0], "reason": reason[:200]}
    db.session.execute(insert(Suppression).values(values).on_conflict_do_nothing())


def suppressed_among(addresses: Sequence[str]) -> set[str]:
    """Return those of the addresses that are on the list, asked in one query."""
    by_hash = {hashed: address for address in addresses for hashed in _hashes(address)}
    if not by_hash:
        return set()
    found = db.session.scalars(select(Suppression.address_hash).where(Suppression.address_hash.in_(by_hash)))
    return {by_hash[hashed] for hashed in found}
