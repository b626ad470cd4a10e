"""Apply the erasure journal to the signatures of a restored database: nobody who left comes back by the restore."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from petition.backups.journal import Entry, hash_journal_address, hash_signature
from petition.backups.models import Act
from petition.petitions.counters import increment_many
from petition.signatures import journal_queries as queries
from petition.signatures.models import SignatureState

# Acts of one group end each other: of each group, the last act of a signature holds.
ENDS = (Act.ERASED, Act.DISOWNED, Act.WITHDRAWN, Act.PUT_BACK)
RESTRICTIONS = (Act.RESTRICTED, Act.LIFTED)
GROUPS: dict[str, str] = {
    **dict.fromkeys(ENDS, "end"), **dict.fromkeys(RESTRICTIONS, "restriction"),
    Act.UNSUBSCRIBED: "updates", Act.UNLISTED: "list", Act.NOT_SHARED: "passing on",
}  # fmt: skip
ID_BATCH_SIZE = 10_000

NEWS_ENDING_ACTS = (Act.DISOWNED, Act.WITHDRAWN, Act.UNSUBSCRIBED, Act.RESTRICTED)
STATEMENTS = {
    Act.ERASED: queries.ERASE_SQL,
    Act.DISOWNED: queries.DISOWN_SQL,
    Act.WITHDRAWN: queries.WITHDRAW_SQL,
    Act.UNSUBSCRIBED: queries.UNSUBSCRIBE_SQL,
    Act.UNLISTED: queries.UNLIST_SQL,
    Act.NOT_SHARED: queries.NOT_SHARE_SQL,
    Act.RESTRICTED: queries.RESTRICT_SQL,
}
ENDING_ACTS = (Act.ERASED, Act.DISOWNED, Act.WITHDRAWN)


def replay_entries(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    """Apply entries in the connection's transaction, and return how many rows each act changed.

    Sends no email. Signatures that no longer count are uncounted.
    """
    changed: Counter[str] = Counter()
    if not entries:
        return changed
    acts = _last_acts(entries)
    subjects = {hashed: signature_id for signature_id, hashed in _find_subjects(connection, {key[0] for key in acts})}
    for act, statement in STATEMENTS.items():
        given = sorted((subjects[key[0]], e.at) for key, e in acts.items() if e.act == act and key[0] in subjects)
        changed[act] += _execute(connection, act, statement, given)
    changed[Act.OBJECTED] += _suppress(connection, [entry for entry in entries if entry.act == Act.OBJECTED])
    _delete_requests(connection, [entry for entry in entries if entry.act in (Act.ERASED, Act.OBJECTED)])
    return changed


def _last_acts(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Return the last entry of each signature and group."""
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.id))
    return {(entry.subject_hash, GROUPS[entry.act]): entry for entry in ordered if entry.act in GROUPS}


def _find_subjects(connection: Connection, hashes: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the hash of each signature that the journal is about: one pass, some 10 µs a signature."""
    after = 0
    while hashes:
        batch = {"after": after, "batch_size": ID_BATCH_SIZE}
        ids: list[int] = list(connection.execute(queries.SELECT_IDS_SQL, batch).scalars())
        if not ids:
            return
        for signature_id in ids:
            for hashed in hash_signature(signature_id):
                if hashed in hashes:
                    yield signature_id, hashed
        after = ids[-1]


def _execute(connection: Connection, act: str, statement: Any, given: list[tuple[int, datetime]]) -> int:
    if not given:
        return 0
    parameters = {"ids": [row[0] for row in given], "times": [row[1] for row in given]}
    rows = connection.execute(statement, parameters).all()
    if act in NEWS_ENDING_ACTS:
        connection.execute(queries.END_PARTNER_NEWS_SQL, parameters)
    if act in ENDING_ACTS:
        counted = [(row.petition_id, row.id, row.party) for row in rows if row.state == SignatureState.CONFIRMED]
        increment_many(counted, -1, connection)
    return len(rows)


def _suppress(connection: Connection, entries: Sequence[Entry]) -> int:
    if not entries:
        return 0
    parameters = {"hashes": [entry.subject_hash for entry in entries], "times": [entry.at for entry in entries]}
    return len(connection.execute(queries.SUPPRESS_SQL, parameters).all())


def _delete_requests(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete the requests to sign that waited in the backup, of people who had themselves erased since."""
    times = {entry.address_hash: entry.at for entry in entries if entry.address_hash}
    if not times:
        return
    ids = [
        row.id
        for row in connection.execute(queries.SELECT_REQUESTS_SQL)
        for hashed in hash_journal_address(row.email_canonical)
        if hashed in times and row.requested_at <= times[hashed]
    ]
    connection.execute(queries.DELETE_REQUESTS_SQL, {"ids": ids})
