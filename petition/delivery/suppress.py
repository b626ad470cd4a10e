"""Addresses that are never mailed again, kept as keyed hashes only."""

import re
from collections.abc import Sequence

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.delivery.letter import ascii_domain
from petition.delivery.models import Suppression

BATCH = 1_000  # addresses of an import
# One parameter, not one for each address: it runs for every claim.
AMONG = text("SELECT address_hash FROM suppressions WHERE address_hash = ANY(CAST(:hashes AS text[]))")
LONGEST = 320  # characters of an address
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _hashes(address: str) -> list[str]:
    return keyed_hashes("suppression", ascii_domain(address.strip()).lower())


def suppress(address: str, reason: str) -> None:
    """Put an address on the suppression list; again changes nothing. Flushes, does not commit."""
    values = {"address_hash": _hashes(address)[0], "reason": reason[:200]}
    db.session.execute(insert(Suppression).values(values).on_conflict_do_nothing())


def suppressed_among(addresses: Sequence[str]) -> set[str]:
    """Return those of the addresses that are on the list, asked in one query."""
    by_hash = {hashed: address for address in addresses for hashed in _hashes(address)}
    if not by_hash:
        return set()
    return {by_hash[row[0]] for row in db.session.execute(AMONG, {"hashes": list(by_hash)})}


def unsuppress(address: str) -> bool:
    """Take an address off the suppression list; returns whether it was on it. Flushes, does not commit."""
    statement = delete(Suppression).where(Suppression.address_hash.in_(_hashes(address)))
    return bool(getattr(db.session.execute(statement), "rowcount", 0))


def look_up(address: str) -> Suppression | None:
    """Return why and since when an address is on the list, if it is."""
    return db.session.scalar(select(Suppression).where(Suppression.address_hash.in_(_hashes(address))))


def read_list(text: str) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the addresses of a list, one to a line or in the first column of a CSV, and each bad line."""
    found: dict[str, None] = {}
    bad = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        address = re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip('"').strip()
        if not address or (number == 1 and "@" not in address):  # a heading
            continue
        if len(address) <= LONGEST and ADDRESS.fullmatch(address):
            found[address.lower()] = None
        else:
            bad.append((number, line[:80]))
    return list(found), bad


def suppress_all(addresses: Sequence[str], reason: str) -> int:
    """Put addresses on the list, a batch at a time; returns how many were not on it. Flushes, does not commit."""
    new = 0
    for start in range(0, len(addresses), BATCH):
        batch = addresses[start : start + BATCH]
        known = suppressed_among(batch)
        rows = [{"address_hash": _hashes(a)[0], "reason": reason[:200]} for a in batch if a not in known]
        if rows:
            statement = insert(Suppression).values(rows).on_conflict_do_nothing().returning(Suppression.address_hash)
            new += len(db.session.execute(statement).all())
    return new


def reasons(limit: int = 20) -> list[tuple[str, int]]:
    """Return the commonest reasons on the list, each with how many addresses."""
    query = select(Suppression.reason, func.count()).group_by(Suppression.reason).order_by(func.count().desc())
    return [(row[0], row[1]) for row in db.session.execute(query.limit(limit))]
