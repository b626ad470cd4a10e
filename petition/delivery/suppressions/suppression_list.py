"""Addresses that are never mailed again, kept as keyed hashes only."""

import re
from collections.abc import Sequence

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.delivery.models import Suppression
from petition.delivery.rendering.message import encode_domain

IMPORT_BATCH_SIZE = 1_000  # addresses of an import
# One parameter, not one for each address: it runs for every claim.
SELECT_SUPPRESSED = text("SELECT address_hash FROM suppressions WHERE address_hash = ANY(CAST(:hashes AS text[]))")
MAX_ADDRESS_CHARACTERS = 320  # characters of an address
ADDRESS_PATTERN = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _hash_address(address: str) -> list[str]:
    return keyed_hashes("suppression", encode_domain(address.strip()).lower())


def suppress(address: str, reason: str) -> None:
    """Put an address on the suppression list; again changes nothing. Flushes, does not commit."""
    values = {"address_hash": _hash_address(address)[0], "reason": reason[:200]}
    db.session.execute(insert(Suppression).values(values).on_conflict_do_nothing())


def find_suppressed(addresses: Sequence[str]) -> set[str]:
    """Return those of the addresses that are on the list, asked in one query."""
    by_hash = {hashed: address for address in addresses for hashed in _hash_address(address)}
    if not by_hash:
        return set()
    return {by_hash[row[0]] for row in db.session.execute(SELECT_SUPPRESSED, {"hashes": list(by_hash)})}


def unsuppress(address: str) -> bool:
    """Take an address off the suppression list; returns whether it was on it. Flushes, does not commit."""
    statement = delete(Suppression).where(Suppression.address_hash.in_(_hash_address(address)))
    return bool(getattr(db.session.execute(statement), "rowcount", 0))


def find_by_address(address: str) -> Suppression | None:
    """Return why and since when an address is on the list, if it is."""
    return db.session.scalar(select(Suppression).where(Suppression.address_hash.in_(_hash_address(address))))


def parse_address_list(text: str) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the addresses of a list, one to a line or in the first column of a CSV, and each bad line."""
    found: dict[str, None] = {}
    bad = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        address = re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip('"').strip()
        if not address or (number == 1 and "@" not in address):  # a heading
            continue
        if len(address) <= MAX_ADDRESS_CHARACTERS and ADDRESS_PATTERN.fullmatch(address):
            found[address.lower()] = None
        else:
            bad.append((number, line[:80]))
    return list(found), bad


def suppress_many(addresses: Sequence[str], reason: str) -> int:
    """Put addresses on the list, a batch at a time; returns how many were not on it. Flushes, does not commit."""
    new = 0
    for start in range(0, len(addresses), IMPORT_BATCH_SIZE):
        batch = addresses[start : start + IMPORT_BATCH_SIZE]
        known = find_suppressed(batch)
        rows = [{"address_hash": _hash_address(a)[0], "reason": reason[:200]} for a in batch if a not in known]
        if rows:
            statement = insert(Suppression).values(rows).on_conflict_do_nothing().returning(Suppression.address_hash)
            new += len(db.session.execute(statement).all())
    return new


def count_by_reason(limit: int = 20) -> list[tuple[str, int]]:
    """Return the commonest reasons on the list, each with how many addresses."""
    query = select(Suppression.reason, func.count()).group_by(Suppression.reason).order_by(func.count().desc())
    return [(row[0], row[1]) for row in db.session.execute(query.limit(limit))]
