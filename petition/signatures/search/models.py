"""Searches of the team, stored for a day."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class SavedSearch(Model):
    """A search by a member of the team, stored for a day: names and email addresses must not appear in URLs."""

    __tablename__ = "saved_searches"

    id: Mapped[int] = identity_column()
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_saved_searches_created_at", "created_at"),)
