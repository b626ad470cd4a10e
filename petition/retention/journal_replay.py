"""Apply the erasure journal to the petitions of a restored database: what was anonymised since is anonymised again."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, select

from petition.backups.journal import Entry, hash_petition
from petition.backups.models import Act
from petition.core.db import db
from petition.petitions.models import Petition
from petition.retention import queries
from petition.retention.anonymise import anonymise_batch


def replay_entries(connection: Connection, entries: Sequence[Entry]) -> Counter[str]:
    """Begin the anonymisation of the petitions that the entries name, and return how many there are."""
    found = _find_petitions(connection, entries)
    if not found:
        return Counter()
    parameters = {"ids": list(found), "times": [entry.at for entry in found.values()]}
    return Counter({Act.ANONYMISED: len(connection.execute(queries.BEGIN_RESTORED_SQL, parameters).all())})


def finish(entries: Sequence[Entry]) -> None:
    """Anonymise all signatures of the petitions that the entries name. Commits each batch by itself.

    Also while a mailing of the backup's day seems under way: it was over when this was done for the first time.
    """
    for petition_id in _find_petitions(db.session.connection(), entries):
        while anonymise_batch(petition_id, after_restore=True):
            pass
    db.session.rollback()


def _find_petitions(connection: Connection, entries: Sequence[Entry]) -> dict[int, Entry]:
    """Return the entry of each petition that was anonymised, by its number."""
    acts = {entry.subject_hash: entry for entry in entries if entry.act == Act.ANONYMISED}
    if not acts:
        return {}
    ids = connection.execute(select(Petition.id).order_by(Petition.id)).scalars()
    return {n: acts[hashed] for n in ids for hashed in hash_petition(n) if hashed in acts}
