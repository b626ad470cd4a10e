"""Under which secret key each entry of the suppression list stands: without its key, an entry is never found again."""

from sqlalchemy.exc import ProgrammingError

from petition.core.db import db
from petition.core.hashing import DIGEST_CHARACTERS, TAG_CHARACTERS, TAG_MARK, key_tag, secret_keys
from petition.core.health import StartRefused
from petition.delivery.suppressions import queries

UNTAGGED = ""  # entries of versions that did not record the key


def count_by_key() -> dict[str, int]:
    """Return the number of entries by the tag of their key; of those without a tag by `UNTAGGED`."""
    parameters = {"mark_at": DIGEST_CHARACTERS + 1, "mark": TAG_MARK, "length": TAG_CHARACTERS}
    return {row.tag: row.n for row in db.session.execute(queries.COUNT_BY_TAG, parameters)}


def count_lost() -> dict[str, int]:
    """Return the number of entries that no configured key finds, by the tag of their key."""
    known = {UNTAGGED, *map(key_tag, secret_keys())}
    return {tag: n for tag, n in count_by_key().items() if tag not in known}


def require_keys() -> None:
    """Raise `StartRefused` if a key is gone under which addresses are suppressed: they would be emailed again."""
    try:
        lost = count_lost()
    except ProgrammingError:  # before the first migration there is no list
        db.session.rollback()
        return
    for tag, n in lost.items():
        raise StartRefused(
            f"SECRET_KEY_FALLBACKS: {n:,} suppressed addresses stand under a key (tag {tag}) that is not configured,"
            f" and would be emailed again: put it back, or give them up by `petition suppressions drop-key {tag}`"
        )


def drop(tag: str) -> int:
    """Delete the entries of a key that is not configured; return how many. Flushes, does not commit."""
    if tag not in count_lost():
        return 0
    result = db.session.execute(queries.DELETE_BY_TAG, {"pattern": f"%{TAG_MARK}{tag}"})
    return int(getattr(result, "rowcount", 0))
