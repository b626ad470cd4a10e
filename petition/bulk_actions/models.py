"""A bulk action and the rows that it changes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class BulkActionState(StrEnum):
    """Where a bulk action stands."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


BULK_ACTION_STATES = tuple(member.value for member in BulkActionState)


class BulkAction(Model):
    """An act on many rows, fixed when it is first shown, done in the background: what, on how many, how far it is.

    `position` is the last row that it came to. `undoes` is the run whose rows this one puts back.
    """

    __tablename__ = "bulk_actions"

    id: Mapped[int] = identity_column()
    subject: Mapped[str] = mapped_column(String(20))
    verb: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), default=BulkActionState.DRAFT)
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str | None] = mapped_column(String(200))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"))
    asked_by: Mapped[str] = mapped_column(String(320))
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state IN {BULK_ACTION_STATES}", name="state"),
        Index("ix_bulk_actions_running", "id", postgresql_where=text(f"state = '{BulkActionState.RUNNING}'")),
        Index("ix_bulk_actions_undoes", "undoes", postgresql_where=text("undoes IS NOT NULL")),
    )


class BulkActionRow(Model):
    """One row of a run's set, until the run has come to it; where the run can be undone, for good."""

    __tablename__ = "bulk_action_rows"

    action_id: Mapped[int] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # As it was when the set was fixed: a row that has changed since is left alone.
    state: Mapped[str] = mapped_column(String(12))
    # The moment of the transaction that changed it.
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_bulk_action_rows_done", "subject_id", postgresql_where=text("done_at IS NOT NULL")),)
