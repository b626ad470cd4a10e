"""Replay the erasure journal on a restored database, so that nobody comes back by the restore."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from flask import Flask, current_app
from sqlalchemy import Connection

from petition.backups.journal import Entry
from petition.backups.queries import INSERT_ENTRY_SQL, SELECT_KNOWN_SQL
from petition.core.exceptions import ValidationError
from petition.core.hashing import DIGEST_CHARACTERS, TAG_MARK, key_tag, secret_keys

KNOWN_BATCH_SIZE = 10_000

# Applies entries to the rows of a feature; returns how many rows each act changed.
ReplayHandler = Callable[[Connection, Sequence[Entry]], Counter[str]]
# Does what the entries began and no one transaction can hold; commits by itself. Called after the replay.
ReplayFinisher = Callable[[Sequence[Entry]], None]


@dataclass
class ReplayReport:
    """What a replay did: how many entries the database did not have, and how many rows each act changed."""

    entries: int = 0
    missing: int = 0
    changed: Counter[str] = field(default_factory=Counter)


def register_replay(app: Flask, handler: ReplayHandler, finish: ReplayFinisher | None = None) -> None:
    """Register what applies entries to a feature's rows, and what goes on with it once that is committed."""
    app.extensions.setdefault("petition.replay_handlers", []).append(handler)
    if finish:
        app.extensions.setdefault("petition.replay_finishers", []).append(finish)


def replay(connection: Connection, entries: Sequence[Entry]) -> ReplayReport:
    """Apply the entries that the database does not have, and add them to its journal. Does not commit.

    An entry and its effect are in one transaction, so that a database which has the entry has the effect. Replaying
    twice changes nothing. Raises `ValidationError` if entries stand under a secret key that is not configured: they
    would match nobody.
    """
    require_keys(entries)
    missing = list_missing(connection, entries)
    report = ReplayReport(len(entries), len(missing), apply_entries(connection, missing))
    if missing:
        connection.execute(INSERT_ENTRY_SQL, [entry._asdict() for entry in missing])
    return report


def apply_entries(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    """Apply entries, whether the database has them or not, and return how many rows each act changed."""
    changed: Counter[str] = Counter()
    for handler in current_app.extensions.get("petition.replay_handlers", []):
        changed.update(handler(connection, entries))
    return changed


def finish_replay(entries: Sequence[Entry]) -> None:
    """Run each feature's follow-up work, once the replay is committed. Idempotent. Commits by itself."""
    for finish in current_app.extensions.get("petition.replay_finishers", []):
        finish(entries)


def list_missing(connection: Connection, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that the database does not have."""
    known: set[tuple[int, str]] = set()
    for start in range(0, len(entries), KNOWN_BATCH_SIZE):
        ids = [entry.id for entry in entries[start : start + KNOWN_BATCH_SIZE]]
        known.update((row.id, row.subject_hash) for row in connection.execute(SELECT_KNOWN_SQL, {"ids": ids}))
    return [entry for entry in entries if (entry.id, entry.subject_hash) not in known]


def require_keys(entries: Iterable[Entry]) -> None:
    """Raise `ValidationError` for entries whose secret key is not configured."""
    tags = Counter(entry.subject_hash[DIGEST_CHARACTERS:] for entry in entries)
    unknown = {tag: n for tag, n in tags.items() if tag not in {f"{TAG_MARK}{key_tag(key)}" for key in secret_keys()}}
    for tag, n in unknown.items():
        raise ValidationError({"journal": (
            f"{n:,} entries of the journal stand under a secret key (tag {tag.removeprefix(TAG_MARK)}) that is not"
            " configured: put it back into SECRET_KEY_FALLBACKS, or whoever they are about comes back"
        )})  # fmt: skip
