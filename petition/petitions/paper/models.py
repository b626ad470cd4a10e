"""Signatures on paper: the files that they come in, scans of their sheets, and their lines."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class PaperImportState(StrEnum):
    """How far an import is: its file is read, a question is open, its signatures do not count yet, do, no longer do."""

    READING = "reading"
    QUESTION = "question"
    DRAFT = "draft"
    DONE = "done"
    UNDONE = "undone"


class PaperImport(Model):
    """A file of signatures collected on paper: read first, then added as a whole; it can be undone as a whole.

    A worker reads it and adds its signatures in batches: `waiting` are read and do not count, `added` count.
    """

    __tablename__ = "paper_imports"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), default=PaperImportState.READING)
    file_name: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(320))
    # The file, until its signatures are added.
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    # The last line that was stored.
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    lines: Mapped[int]
    waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    added: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(JSONB, deferred=True)
    # Of each column: its title, and the field that it is read as, found or chosen; None for one that is not used.
    columns: Mapped[list[Any] | None] = mapped_column(JSONB)
    columns_chosen: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # What comes first in its dates, where that was asked; and the date that was given as an example.
    date_order: Mapped[str | None] = mapped_column(String(5))
    date_example: Mapped[str | None] = mapped_column(String(10))
    # The number of the sheet whose lines were typed; since when none of them counts, as the sheet was struck.
    sheet: Mapped[str | None] = mapped_column(String(60))
    struck_at: Mapped[datetime | None]
    # The bulk action that last added or removed its signatures.
    action_id: Mapped[int | None] = mapped_column(ForeignKey("bulk_actions.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    imported_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state IN {tuple(member.value for member in PaperImportState)}", name="state"),
        Index("ix_paper_imports_petition", "petition_id", "id"),
        Index("ix_paper_imports_reading", "id", postgresql_where=text(f"state = '{PaperImportState.READING}'")),
        Index("ix_paper_imports_sheet", "petition_id", "sheet", postgresql_where=text("sheet IS NOT NULL")),
        Index("ix_paper_imports_action", "action_id", postgresql_where=text("action_id IS NOT NULL")),
    )


class PaperScan(Model):
    """A scan of a sheet, as it was uploaded."""

    __tablename__ = "paper_scans"

    id: Mapped[int] = identity_column()
    import_id: Mapped[int] = mapped_column(ForeignKey("paper_imports.id", ondelete="CASCADE"))
    media_type: Mapped[str] = mapped_column(String(20))
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_paper_scans_import", "import_id"),)


class PaperSignature(Model):
    """One line of a file."""

    __tablename__ = "paper_signatures"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    import_id: Mapped[int] = mapped_column(ForeignKey("paper_imports.id", ondelete="CASCADE"))
    line: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    profession: Mapped[str | None] = mapped_column(String(120))
    city: Mapped[str | None] = mapped_column(String(120))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    signed_on: Mapped[date | None]
    reference: Mapped[str | None] = mapped_column(String(60))
    counted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        Index("ix_paper_signatures_import", "import_id", "line"),
        Index("ix_paper_signatures_name", "petition_id", text("lower(name)")),
    )
