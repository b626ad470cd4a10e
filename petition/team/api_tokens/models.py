"""Tokens by which programs use the API for a member of the team."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from petition.core.db import Model, identity_column
from petition.team.models import Account


class ApiToken(Model):
    """A token of an account. Who has it is shown once; the row has its hash, and how it begins."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = identity_column()
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    beginning: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, as hex
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(30)))
    # The one petition that it is for; None for all. No foreign key: petitions are never deleted.
    petition_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
