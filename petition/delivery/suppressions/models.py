"""Suppressed addresses."""

from datetime import datetime

from sqlalchemy import String, func
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model


class Suppression(Model):
    """An address that is never mailed again, stored as a keyed hash only."""

    __tablename__ = "suppressions"

    address_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
