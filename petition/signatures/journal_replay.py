"""Apply the erasure journal to the signatures of a restored database: nobody who left comes back by the restore."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from petition.backups.journal import Entry, hash_journal_address, hash_signature
from petition.backups.models import Act
from petition.petitions.counters import increment_many

# Acts of one group end each other: of each group, the last act of a signature holds.
ENDS = (Act.ERASED, Act.DISOWNED, Act.WITHDRAWN, Act.PUT_BACK)
RESTRICTIONS = (Act.RESTRICTED, Act.LIFTED)
GROUPS: dict[str, str] = {
    **dict.fromkeys(ENDS, "end"), **dict.fromkeys(RESTRICTIONS, "restriction"),
    Act.UNSUBSCRIBED: "updates", Act.UNLISTED: "list", Act.NOT_SHARED: "passing on",
}  # fmt: skip
ID_BATCH_SIZE = 10_000

# Each statement changes only what was so before the act: whoever signed, confirmed or agreed again later stays so.
GIVEN = "unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[])) AS given (id, at)"
ERASE_SQL = text(f"""
    DELETE FROM signatures AS s USING {GIVEN}
    WHERE s.id = given.id AND s.created_at <= given.at
    RETURNING s.petition_id, s.id, s.party, s.state
""")  # noqa: S608 - constants
DISOWN_SQL = text(f"""
    WITH before AS (
        SELECT s.id, s.state, given.at FROM signatures AS s JOIN {GIVEN} ON s.id = given.id
        WHERE s.state IN ('pending', 'confirmed', 'quarantined') AND s.requested_at <= given.at
            AND coalesce(s.confirmed_at <= given.at, true)
        FOR UPDATE OF s
    )
    UPDATE signatures AS s SET
        state = 'disowned', ended_at = before.at, updates = false, passed_on = false,
        -- One that was never confirmed keeps its canonical address only: its link may have expired since.
        name = CASE before.state WHEN 'pending' THEN '' ELSE s.name END,
        withheld_name = CASE before.state WHEN 'confirmed' THEN s.withheld_name END,
        email = CASE before.state WHEN 'pending' THEN '' ELSE s.email END,
        organisation = CASE WHEN before.state <> 'pending' THEN s.organisation END,
        profession = CASE WHEN before.state <> 'pending' THEN s.profession END,
        city = CASE WHEN before.state <> 'pending' THEN s.city END,
        postal_code = CASE WHEN before.state <> 'pending' THEN s.postal_code END,
        country = CASE WHEN before.state <> 'pending' THEN s.country END,
        listed = s.listed AND before.state <> 'pending'
    FROM before WHERE s.id = before.id
    RETURNING s.petition_id, s.id, s.party, before.state
""")  # noqa: S608
WITHDRAW_SQL = text(f"""
    WITH before AS (
        SELECT s.id, s.state, given.at FROM signatures AS s JOIN {GIVEN} ON s.id = given.id
        WHERE s.state IN ('pending', 'confirmed', 'quarantined') AND s.requested_at <= given.at
            AND coalesce(s.confirmed_at <= given.at, true)
        FOR UPDATE OF s
    )
    UPDATE signatures AS s SET state = 'withdrawn', ended_at = before.at, updates = false, passed_on = false
    FROM before WHERE s.id = before.id
    RETURNING s.petition_id, s.id, s.party, before.state
""")  # noqa: S608
UNSUBSCRIBE_SQL = text(f"""
    UPDATE signatures AS s SET updates = false FROM {GIVEN}
    WHERE s.id = given.id AND s.updates AND coalesce(s.updates_at <= given.at, true)
    RETURNING s.petition_id, s.id, s.party, s.state
""")  # noqa: S608
NOT_SHARE_SQL = text(f"""
    UPDATE signatures AS s SET passed_on = false FROM {GIVEN}
    WHERE s.id = given.id AND s.passed_on AND coalesce(s.passed_on_at <= given.at, true)
    RETURNING s.petition_id, s.id, s.party, s.state
""")  # noqa: S608
UNLIST_SQL = text(f"""
    UPDATE signatures AS s SET
        listed = false, named_when = CASE WHEN s.withheld_name IS NULL THEN s.named_when ELSE 'never' END
    FROM {GIVEN}
    WHERE s.id = given.id AND (s.listed OR (s.withheld_name IS NOT NULL AND s.named_when <> 'never'))
    RETURNING s.petition_id, s.id, s.party, s.state
""")  # noqa: S608
RESTRICT_SQL = text(f"""
    UPDATE signatures AS s SET
        restricted_at = given.at, listed = false, updates = false,
        named_when = CASE WHEN s.withheld_name IS NULL THEN s.named_when ELSE 'never' END
    FROM {GIVEN}
    WHERE s.id = given.id AND s.restricted_at IS NULL
    RETURNING s.petition_id, s.id, s.party, s.state
""")  # noqa: S608
# The news of partners ends with each of these acts.
END_PARTNER_NEWS_SQL = text(f"""
    UPDATE partner_consents AS c SET ended_at = given.at FROM {GIVEN}
    WHERE c.signature_id = given.id AND c.ended_at IS NULL AND c.agreed_at <= given.at
""")  # noqa: S608
NEWS_ENDING_ACTS = (Act.DISOWNED, Act.WITHDRAWN, Act.UNSUBSCRIBED, Act.RESTRICTED)
STATEMENTS = {
    Act.ERASED: ERASE_SQL, Act.DISOWNED: DISOWN_SQL, Act.WITHDRAWN: WITHDRAW_SQL, Act.UNSUBSCRIBED: UNSUBSCRIBE_SQL,
    Act.UNLISTED: UNLIST_SQL, Act.NOT_SHARED: NOT_SHARE_SQL, Act.RESTRICTED: RESTRICT_SQL,
}  # fmt: skip
ENDING_ACTS = (Act.ERASED, Act.DISOWNED, Act.WITHDRAWN)

SELECT_IDS_SQL = text("SELECT id FROM signatures WHERE id > :after ORDER BY id LIMIT :batch_size")
SUPPRESS_SQL = text("""
    INSERT INTO suppressions (address_hash, reason, created_at)
    SELECT given.address_hash, 'objected', given.at
    FROM unnest(CAST(:hashes AS text[]), CAST(:times AS timestamptz[])) AS given (address_hash, at)
    ON CONFLICT DO NOTHING
    RETURNING address_hash
""")
SELECT_REQUESTS_SQL = text("SELECT id, email_canonical, requested_at FROM sign_requests")
DELETE_REQUESTS_SQL = text("DELETE FROM sign_requests WHERE id = ANY(CAST(:ids AS bigint[]))")


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
        ids: list[int] = list(connection.execute(SELECT_IDS_SQL, batch).scalars())
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
        connection.execute(END_PARTNER_NEWS_SQL, parameters)
    if act in ENDING_ACTS:
        counted = [(row.petition_id, row.id, row.party) for row in rows if row.state == "confirmed"]
        increment_many(counted, -1, connection)
    return len(rows)


def _suppress(connection: Connection, entries: Sequence[Entry]) -> int:
    if not entries:
        return 0
    parameters = {"hashes": [entry.subject_hash for entry in entries], "times": [entry.at for entry in entries]}
    return len(connection.execute(SUPPRESS_SQL, parameters).all())


def _delete_requests(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete the requests to sign that waited in the backup, of people who had themselves erased since."""
    times = {entry.address_hash: entry.at for entry in entries if entry.address_hash}
    if not times:
        return
    ids = [
        row.id
        for row in connection.execute(SELECT_REQUESTS_SQL)
        for hashed in hash_journal_address(row.email_canonical)
        if hashed in times and row.requested_at <= times[hashed]
    ]
    connection.execute(DELETE_REQUESTS_SQL, {"ids": ids})
