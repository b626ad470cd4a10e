"""Tables of the team's home."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model


class OptInCount(Model):
    """How many of a petition's signers agreed to news: counted by a worker, so that no page counts rows."""

    __tablename__ = "opt_in_counts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int]
    counted_at: Mapped[datetime] = mapped_column(server_default=func.now())
