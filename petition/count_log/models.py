"""What changes a count, and the public log of it: entries, hashes above them, checkpoints (docs/integrity.md)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, SmallInteger, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class ConsentChange(StrEnum):
    """What happened to a consent: no entry of the log."""

    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"


class CountEvent(Model):
    """A signature that began or ceased to count, or a consent of its signer that began or ended while it does.

    Written by triggers, taken by the worker that appends to the log.
    """

    __tablename__ = "count_events"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int]
    signature_id: Mapped[int]
    party: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(12))  # the state that it has now, "erased", or a `ConsentChange`
    # Of a `ConsentChange`: None for the team's news, "passing_on", or "partnership " and the number of one.
    consent: Mapped[str | None] = mapped_column(String(30))
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class CountCommitment(Model):
    """The entry that added a signature, and what that entry commits to; emptied by triggers with the address."""

    __tablename__ = "count_commitments"

    signature_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    petition_id: Mapped[int]
    entry_index: Mapped[int]
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    statement: Mapped[str | None] = mapped_column(Text)


class CountLogEntry(Model):
    """One entry of a petition's log, as it is published."""

    __tablename__ = "count_log_entries"

    petition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry: Mapped[str] = mapped_column(Text)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)


class CountLogNode(Model):
    """The hash of a full tile of the level below. Level 0 are the leaf hashes of the entries."""

    __tablename__ = "count_log_nodes"

    petition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    node_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class CountCheckpoint(Model):
    """The state of a petition's log: size, root and the count that its entries add up to; the signed note if any."""

    __tablename__ = "count_checkpoints"

    petition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    people: Mapped[int]
    organisations: Mapped[int]
    root: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str | None] = mapped_column(Text)
    # The public key of the note: only the worker has the private one.
    verifier_key: Mapped[str | None] = mapped_column(String(400))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The last note that a timestamping service saw, what it replied (RFC 3161), and when.
    timestamped_note: Mapped[str | None] = mapped_column(Text)
    timestamp_reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    timestamped_at: Mapped[datetime | None]


class CountCosignature(Model):
    """The last checkpoint of a petition's log that a witness countersigned, with its signature."""

    __tablename__ = "count_cosignatures"

    petition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(200), primary_key=True)
    size: Mapped[int]
    note: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
