"""Append to the public log of the count, and read it.

An entry is a line of JSON without personal data. `confirmed` adds one to the count and commits to a signature: its
hash is SHA-256 of a random salt and a statement (petition, party, address) that only the signer's receipt holds.
`restored` and `released` add one again, every other kind takes one away; all name the entry that added the
signature. Erasing a signature destroys its salt, by a trigger, so that nothing leads from its entries to anybody.
"""

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from blinker import Namespace
from flask import current_app
from sqlalchemy import Row, select, text

from petition.core.db import db
from petition.count_log import notes, queries
from petition.count_log.merkle import TILE_WIDTH, TileHashes, hash_leaf, list_needed_tiles, root_of
from petition.count_log.models import ConsentChange, CountCheckpoint, CountCommitment, CountLogEntry
from petition.petitions.models import Petition

BATCH_SIZE = 2000
ADVISORY_LOCK_ID = 7_226_141
SALT_BYTES = 32
SEED_BYTES = 32  # of an Ed25519 key
ADDED, RESTORED, RELEASED = "confirmed", "restored", "released"

# Sent in the transaction that takes `changes`, oldest first, so that whoever needs them too loses none.
changes_taken = Namespace().signal("changes-taken")


@dataclass(frozen=True)
class Receipt:
    """What shows its signer that a signature is in the log, and can be checked without the site."""

    statement: str
    salt: bytes
    entry_index: int
    entry: str
    path: list[bytes]
    checkpoint: str


def append_batch() -> int:
    """Append one batch of what changed, unless another process does; returns how many entries that made. Commits."""
    if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    events = sorted(db.session.execute(queries.TAKE_EVENTS, {"batch": BATCH_SIZE}), key=lambda event: event.id)
    changes_taken.send(current_app._get_current_object(), changes=events)  # type: ignore[attr-defined]
    by_petition: dict[int, list[Row[Any]]] = defaultdict(list)
    for event in events:
        if event.kind in tuple(ConsentChange):
            continue
        by_petition[event.petition_id].append(event)
    for petition_id, own in sorted(by_petition.items()):
        _append(petition_id, own)
    db.session.commit()
    return len(events)


def get_origin(slug: str) -> str:
    """Return the name of a petition's log: its address without the scheme."""
    url = urlsplit(current_app.config["PUBLIC_URL"])
    return f"{url.netloc}{url.path.rstrip('/')}/p/{slug}"


def get_checkpoint(petition_id: int) -> CountCheckpoint | None:
    """Return the checkpoint of a petition's log; None as long as nothing was ever counted."""
    return db.session.get(CountCheckpoint, petition_id)


def read_tile(petition_id: int, level: int, number: int, width: int) -> Sequence[Row[Any]]:
    """Return the hashes of a tile, at level 0 with the entries; fewer than `width` where the log is shorter."""
    query = queries.SELECT_NODE_TILE if level else queries.SELECT_LEAF_TILE
    parameters = {"petition_id": petition_id, "first": number * TILE_WIDTH, "width": width}
    return db.session.execute(query, parameters | ({"level": level} if level else {})).all()


def make_receipt(signature_id: int) -> Receipt | None:
    """Return the receipt of a signature; None until it is in the log."""
    commitment = db.session.get(CountCommitment, signature_id)
    if commitment is None or commitment.salt is None or commitment.statement is None:
        return None
    checkpoint = get_checkpoint(commitment.petition_id)
    entry = db.session.get(CountLogEntry, (commitment.petition_id, commitment.entry_index))
    if checkpoint is None or checkpoint.note is None or entry is None:
        return None
    tiles = _load_tiles(commitment.petition_id, checkpoint.size, commitment.entry_index)
    return Receipt(
        commitment.statement,
        commitment.salt,
        commitment.entry_index,
        entry.entry,
        tiles.prove(commitment.entry_index),
        checkpoint.note,
    )


def make_commitment(salt: bytes, statement: str) -> str:
    """Return what an entry says of its signature: a hash that only who has the salt can compare."""
    return hashlib.sha256(salt + statement.encode()).hexdigest()


def _append(petition_id: int, events: Sequence[Row[Any]]) -> None:
    """Write the entries of one petition, the hashes of the tiles they fill, and the new checkpoint."""
    ids = [event.signature_id for event in events]
    known = {
        row.signature_id: row.entry_index for row in db.session.execute(queries.SELECT_ENTRY_INDEXES, {"ids": ids})
    }
    signers = {row.id: row for row in db.session.execute(queries.SELECT_SIGNERS, {"ids": ids})}
    last = db.session.get(CountCheckpoint, petition_id)
    size, counts = (last.size, {"person": last.people, "organisation": last.organisations}) if last else (0, {})
    entries: list[str] = []
    commitments: list[tuple[int, int, bytes | None, str | None]] = []
    for event in events:
        index, adds = known.get(event.signature_id), event.kind in (ADDED, RELEASED)
        entry: dict[str, Any] = {"party": event.party, "hour": f"{event.at:%Y-%m-%dT%HZ}"}
        if index is None:
            index = known[event.signature_id] = size + len(entries)
            signer = signers.get(event.signature_id)
            salt = secrets.token_bytes(SALT_BYTES)
            statement = f"{signer.slug}\n{signer.party}\n{signer.email_canonical}" if signer else None
            # Of somebody who was erased meanwhile: a hash of nothing but what is forgotten.
            entry |= {"kind": ADDED, "commitment": make_commitment(salt, statement or "")}
            commitments.append((event.signature_id, index, salt if statement else None, statement))
        else:
            entry |= {"kind": RESTORED if event.kind == ADDED else event.kind, "entry": index}
        counts[event.party] = counts.get(event.party, 0) + (1 if adds else -1)
        entries.append(json.dumps(entry, separators=(",", ":"), sort_keys=True))
    _insert(petition_id, size, entries, commitments)
    db.session.execute(queries.DESTROY_ORPHANED_SALTS, {"ids": ids})
    _save_checkpoint(petition_id, size + len(entries), counts)


def _insert(
    petition_id: int, size: int, entries: list[str], commitments: list[tuple[int, int, bytes | None, str | None]]
) -> None:
    leaf_hashes = [hash_leaf(entry.encode()) for entry in entries]
    indexes = list(range(size, size + len(entries)))
    db.session.execute(
        queries.INSERT_ENTRIES,
        {"petition_id": petition_id, "indexes": indexes, "entries": entries, "leaf_hashes": leaf_hashes},
    )
    if commitments:
        columns = ("signature_ids", "indexes", "salts", "statements")
        parameters = dict(zip(columns, map(list, zip(*commitments, strict=True)), strict=True))
        db.session.execute(queries.INSERT_COMMITMENTS, {"petition_id": petition_id, **parameters})
    tiles, new = _load_tiles(petition_id, size), {0: dict(zip(indexes, leaf_hashes, strict=True))}
    nodes = []
    level, before = 0, size
    while new.get(level):
        hashes = {**tiles.hashes.get(level, {}), **new[level]}
        after = before + len(new[level])
        full = range(before // TILE_WIDTH, after // TILE_WIDTH)
        new[level + 1] = {n: root_of([hashes[i] for i in range(n * TILE_WIDTH, (n + 1) * TILE_WIDTH)]) for n in full}
        nodes += [(level + 1, number, value) for number, value in new[level + 1].items()]
        level, before = level + 1, before // TILE_WIDTH
    if nodes:
        parameters = dict(zip(("levels", "indexes", "hashes"), map(list, zip(*nodes, strict=True)), strict=True))
        db.session.execute(queries.INSERT_NODES, {"petition_id": petition_id, **parameters})


def _load_tiles(petition_id: int, size: int, index: int | None = None) -> TileHashes:
    needed = list_needed_tiles(size, index)
    leaf_tiles = sorted(needed.pop(0, set()))
    pairs = [(level, tile) for level, tiles in needed.items() for tile in sorted(tiles)]
    parameters = {
        "petition_id": petition_id,
        "size": size,
        "leaf_tiles": leaf_tiles,
        "levels": [level for level, _ in pairs],
        "tiles": [tile for _, tile in pairs],
    }
    hashes: dict[int, dict[int, bytes]] = defaultdict(dict)
    for row in db.session.execute(queries.SELECT_TILE_HASHES, parameters):
        hashes[row.level][row.number] = bytes(row.hash)
    return TileHashes(size, hashes)


def _save_checkpoint(petition_id: int, size: int, counts: dict[str, int]) -> None:
    root = _load_tiles(petition_id, size).root()
    slug = db.session.scalar(select(Petition.slug).where(Petition.id == petition_id)) or ""
    signed: dict[str, str | None] = {"note": None, "verifier_key": None}
    if seed := current_app.config["PETITION_COUNT_LOG_KEY"]:
        key, checkpoint = notes.load_key(seed), notes.Checkpoint(get_origin(slug), size, root)
        signed = {
            "note": notes.sign_checkpoint(checkpoint, key),
            "verifier_key": str(notes.make_verifier_key(checkpoint.origin, key)),
        }
    added = {"people": counts.get("person", 0), "organisations": counts.get("organisation", 0)}
    parameters = {"petition_id": petition_id, "size": size, "root": root, **added, **signed}
    db.session.execute(queries.SAVE_CHECKPOINT, parameters)
