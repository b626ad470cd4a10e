"""The suppression list: add, remove, look up and import addresses; stored as keyed hashes only."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.core.text import ascii_lower
from petition.delivery.rendering.message import encode_domain
from petition.delivery.suppressions import queries
from petition.delivery.suppressions.models import Suppression

IMPORT_BATCH_SIZE = 1_000


def hash_address(address: str) -> list[str]:
    """Return the keyed hashes of an address: under the current key first, then under each former one.

    Of its ASCII letters in lower case and its domain in ASCII: other letters stay as they are, as `ſ` and `s` may be
    two mailboxes.
    """
    return keyed_hashes("suppression", ascii_lower(encode_domain(address.strip())))


def is_hash_of(address_hash: str | None, address: str) -> bool:
    """Return whether a keyed hash, under any key, is that of an address; False without a hash."""
    return address_hash is not None and address_hash in hash_address(address)


def suppress(address: str, reason: str) -> None:
    """Put an address on the suppression list, if it is not on it. Flushes, does not commit."""
    suppress_hash(hash_address(address)[0], reason)


def suppress_hash(address_hash: str, reason: str) -> None:
    """Put an address on the suppression list by its keyed hash, if it is not on it. Flushes, does not commit."""
    values = {"address_hash": address_hash, "reason": reason[:200]}
    db.session.execute(insert(Suppression).values(values).on_conflict_do_nothing())


def find_suppressed(addresses: Sequence[str]) -> set[str]:
    """Return those of the addresses that are on the list, in one query."""
    by_hash = {hashed: address for address in addresses for hashed in hash_address(address)}
    return {by_hash[found] for found in find_suppressed_hashes(by_hash)}


def find_suppressed_hashes(hashes: Collection[str]) -> set[str]:
    """Return those of the keyed hashes that are on the list, in one query."""
    if not hashes:
        return set()
    return set(db.session.scalars(queries.FIND_SUPPRESSED, {"hashes": list(hashes)}))


def unsuppress(address: str) -> bool:
    """Take an address off the suppression list, and return whether it was on it. Flushes, does not commit."""
    statement = delete(Suppression).where(Suppression.address_hash.in_(hash_address(address)))
    return bool(getattr(db.session.execute(statement), "rowcount", 0))


def find_by_address(address: str) -> Suppression | None:
    """Return the entry of an address, if it is on the list."""
    return db.session.scalar(select(Suppression).where(Suppression.address_hash.in_(hash_address(address))))


def suppress_many(addresses: Sequence[str], reason: str) -> int:
    """Put addresses on the list in batches, and return how many were not on it. Flushes, does not commit."""
    added = 0
    for start in range(0, len(addresses), IMPORT_BATCH_SIZE):
        batch = addresses[start : start + IMPORT_BATCH_SIZE]
        known = find_suppressed(batch)
        rows = [{"address_hash": hash_address(a)[0], "reason": reason[:200]} for a in batch if a not in known]
        if rows:
            statement = insert(Suppression).values(rows).on_conflict_do_nothing().returning(Suppression.address_hash)
            added += len(db.session.execute(statement).all())
    return added


def count_by_reason(limit: int = 20) -> list[tuple[str, int]]:
    """Return the most frequent reasons on the list, each with its number of addresses."""
    query = select(Suppression.reason, func.count()).group_by(Suppression.reason).order_by(func.count().desc())
    return [(row[0], row[1]) for row in db.session.execute(query.limit(limit))]
