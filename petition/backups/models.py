"""The erasure journal: what people had erased, withdrawn or stopped, and what was anonymised, as keyed hashes."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class Act(StrEnum):
    """What somebody did, or had done, that a restored backup must not undo.

    `PUT_BACK` and `LIFTED` end what an earlier entry began. `NOT_SHARED`: no longer to be passed on to the
    organisation that the form named. `ANONYMISED` is of a whole petition.
    """

    ERASED = "erased"
    DISOWNED = "disowned"
    WITHDRAWN = "withdrawn"
    PUT_BACK = "put_back"
    UNSUBSCRIBED = "unsubscribed"
    UNLISTED = "unlisted"
    NOT_SHARED = "not_shared"
    RESTRICTED = "restricted"
    LIFTED = "lifted"
    OBJECTED = "objected"
    ANONYMISED = "anonymised"


ACTS = tuple(member.value for member in Act)


class JournalEntry(Model):
    """One act, under the keyed hash of its subject.

    That is the number of a signature; for an objection the suppressed address, for an anonymisation the petition's
    number.

    `written_at`: when it was written to the file beside the backup; None until then.
    """

    __tablename__ = "erasure_journal"

    id: Mapped[int] = identity_column()
    act: Mapped[str] = mapped_column(String(12))
    subject_hash: Mapped[str] = mapped_column(String(32))
    # Of the address, so that it can be found again whether there are entries for it.
    address_hash: Mapped[str | None] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    written_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"act IN {ACTS}", name="act"),
        Index("ix_erasure_journal_unwritten", "id", postgresql_where=text("written_at IS NULL")),
        Index("ix_erasure_journal_subject_hash", "subject_hash"),
        Index("ix_erasure_journal_address_hash", "address_hash"),
    )
