"""The erasure journal: an entry in the transaction of each act, appended soon after to a file beside the backup.

A backup has the rows of people who had themselves erased after it was made. Replaying the file brings a restored
database up to date with them (docs/decisions/0045). Neither table nor file holds anything but keyed hashes and times.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from flask import current_app

from petition.backups.models import ACTS, Act, JournalEntry
from petition.backups.queries import LAG_SQL, MARK_WRITTEN_SQL, SELECT_ALL_SQL, SELECT_UNWRITTEN_SQL
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.hashing import keyed_hashes

BATCH_SIZE = 1000
FILE_MODE = 0o600


class Entry(NamedTuple):
    """One line of the file."""

    id: int
    act: str
    subject_hash: str
    address_hash: str | None
    at: datetime


@dataclass(frozen=True)
class JournalFile:
    """What was read of a file: its entries, and the numbers of the lines that are broken."""

    entries: list[Entry]
    broken_lines: list[int]


class Lag(NamedTuple):
    """How far the file is behind: how many entries wait to be written (counted up to 10,000), and since when."""

    waiting: int
    seconds: float


def hash_signature(signature_id: int) -> list[str]:
    """Return the keyed hashes of a signature's number. A number is never given twice, unlike an address."""
    return keyed_hashes("journal signature", str(signature_id))


def hash_journal_address(canonical: str) -> list[str]:
    """Return the keyed hashes of a canonical address, by which its entries are found again."""
    return keyed_hashes("journal address", canonical)


def hash_petition(petition_id: int) -> list[str]:
    """Return the keyed hashes of a petition's number."""
    return keyed_hashes("journal petition", str(petition_id))


def record(act: Act, signature_id: int, canonical: str) -> None:
    """Add an entry for an act on a signature to the caller's transaction. Flushes, does not commit."""
    address_hash = hash_journal_address(canonical)[0] if canonical else None
    _add(act, hash_signature(signature_id)[0], address_hash)


def record_objection(suppression_hash: str, canonical: str) -> None:
    """Add an entry for an address that must never be mailed again. Flushes, does not commit."""
    _add(Act.OBJECTED, suppression_hash, hash_journal_address(canonical)[0])


def record_anonymisation(petition_id: int) -> None:
    """Add an entry for a petition whose signatures are anonymised from now on. Flushes, does not commit."""
    _add(Act.ANONYMISED, hash_petition(petition_id)[0], None)


def _add(act: Act, subject_hash: str, address_hash: str | None) -> None:
    db.session.add(JournalEntry(act=act, subject_hash=subject_hash, address_hash=address_hash))
    db.session.flush()


def read_lag() -> Lag:
    """Return how far the file is behind."""
    row = db.session.execute(LAG_SQL).one()
    return Lag(row.waiting, row.seconds)


def write_waiting(path: Path) -> int:
    """Append a batch of the entries that are in no file yet, and return how many. Commits.

    They are on the disk before they are marked as written: what is interrupted between the two is written twice, which
    does no harm. Raises `OSError` if the file cannot be written; the entries wait.
    """
    rows = db.session.execute(SELECT_UNWRITTEN_SQL, {"batch_size": BATCH_SIZE}).all()
    if rows:
        append_entries(path, [Entry(*row) for row in rows])
        db.session.execute(MARK_WRITTEN_SQL, {"ids": [row.id for row in rows]})
    db.session.commit()
    return len(rows)


def list_all() -> list[Entry]:
    """Return every entry of the database, oldest first."""
    return [Entry(*row) for row in db.session.execute(SELECT_ALL_SQL)]


def append_entries(path: Path, entries: Iterable[Entry]) -> None:
    """Append entries to a file and flush them to the disk; create it, for its owner only, if there is none.

    A line that an earlier write left unfinished is ended first, so that it costs nothing but itself.
    """
    data = "".join(f"{to_line(entry)}\n" for entry in entries).encode("ascii")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if data and size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_line(entry: Entry) -> str:
    """Return an entry as one line of JSON."""
    return json.dumps({**entry._asdict(), "at": entry.at.isoformat()}, separators=(",", ":"))


def read_files(paths: Sequence[Path]) -> list[tuple[Path, JournalFile]]:
    """Return what each file holds. Raises `ValidationError` naming one that cannot be read."""
    found = []
    for path in paths:
        try:
            found.append((path, parse_journal(path.read_bytes())))
        except OSError as error:
            raise ValidationError({"journal": f"{path} cannot be read: {error.strerror}"}) from None
    return found


def parse_journal(data: bytes) -> JournalFile:
    """Return the entries of a file, each once, in the order in which they happened; broken lines are left out."""
    entries: dict[tuple[int, str], Entry] = {}
    broken = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            entry = _parse_line(line)
        except (ValueError, KeyError, TypeError):
            broken.append(number)
        else:
            entries[entry.id, entry.subject_hash] = entry
    return JournalFile(sorted(entries.values(), key=lambda entry: (entry.at, entry.id)), broken)


def _parse_line(line: bytes) -> Entry:
    values: dict[str, Any] = json.loads(line)
    at = datetime.fromisoformat(values["at"])
    if values["act"] not in ACTS or at.tzinfo is None:
        raise ValueError
    subject_hash, address_hash = str(values["subject_hash"]), values["address_hash"]
    return Entry(int(values["id"]), values["act"], subject_hash, address_hash and str(address_hash), at)


def journal_path() -> Path | None:
    """Return the file of the setting; None if none is kept."""
    path: Path | None = current_app.config["PETITION_JOURNAL"]
    return path
