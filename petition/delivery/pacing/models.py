"""Mail providers: who serves a recipient's domain, and how fast each is mailed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model


class ProviderState(StrEnum):
    """How a provider is mailed. One whose back-off is over stays `backing_off` while single emails are tried."""

    FLOWING = "flowing"
    BACKING_OFF = "backing_off"
    GROWING = "growing"


PROVIDER_STATES = tuple(state.value for state in ProviderState)


class MailDomain(Model):
    """The provider that receives the mail of a domain, as DNS said."""

    __tablename__ = "mail_domains"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    provider: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class MailProvider(Model):
    """A provider that refused us, or whose pace an operator set; all others are mailed at full speed."""

    __tablename__ = "mail_providers"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), default=ProviderState.FLOWING, server_default="flowing")
    since: Mapped[datetime] = mapped_column(server_default=func.now())  # of trouble, or of its end
    backoff_until: Mapped[datetime | None]
    strikes: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))  # back-offs in a row
    # Rejections in a row that may be about us, each of another delivery than the one before.
    suspicions: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    suspected_id: Mapped[int | None]
    refused_at: Mapped[datetime | None]
    response: Mapped[str | None] = mapped_column(String(200))
    reply_class: Mapped[str | None] = mapped_column(String(20))
    # Emails an hour while growing; beyond `slow_from`, half of what was refused before, it grows slowly.
    pace: Mapped[float | None] = mapped_column(Double)
    slow_from: Mapped[float | None] = mapped_column(Double)
    stepped_at: Mapped[datetime | None]
    # Limits set by an operator, for good.
    per_hour: Mapped[int | None]
    max_connections: Mapped[int | None]
    set_by: Mapped[str | None] = mapped_column(String(320))
    # Token bucket of the pace, and who sends at the moment: claim token → end of its lease.
    tokens: Mapped[float] = mapped_column(Double, default=0.0, server_default=text("0"))
    refilled_at: Mapped[datetime] = mapped_column(server_default=func.now())
    leases: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))

    __table_args__ = (CheckConstraint(f"state IN {PROVIDER_STATES}", name="state"),)
