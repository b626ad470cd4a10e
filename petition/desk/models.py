"""Tables of the team's home."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class OptInCount(Model):
    """How many of a petition's signers agreed to news: counted by a worker, so that no page counts rows."""

    __tablename__ = "opt_in_counts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int]
    counted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class TeamAlert(Model):
    """An alert to one member of the team; its email is the delivery of kind `team_alert` with its id.

    Without an account: a milestone from before there were alerts, or since when mail is stuck.
    """

    __tablename__ = "team_alerts"

    id: Mapped[int] = identity_column()
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(60))  # its cause: the same cause is alerted of once
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    data: Mapped[Any] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("kind", "key", "account_id"),)
