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
    """One action on a set of rows that was fixed when it was previewed, run in the background; with its progress.

    `position` is the id of the last row that was processed. `undoes` is the action whose changes this one reverts.
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
    """One row of an action's set. Deleted once processed, unless it was changed and the action can be undone."""

    __tablename__ = "bulk_action_rows"

    action_id: Mapped[int] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Its state when the set was fixed: a row whose state has changed since is skipped.
    state: Mapped[str] = mapped_column(String(12))
    # The time of the transaction that changed it.
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_bulk_action_rows_done", "subject_id", postgresql_where=text("done_at IS NOT NULL")),)
