"""Requests of persons about their data (GDPR, articles 15 to 21)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class RequestKind(StrEnum):
    """What somebody asks for."""

    ACCESS = "access"
    RECTIFY = "rectify"
    STOP_UPDATES = "stop_updates"
    RESTRICT = "restrict"
    OBJECT = "object"
    ERASE = "erase"


class RequestState(StrEnum):
    """Whether a request was answered."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class Channel(StrEnum):
    """How a request arrived."""

    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    OTHER = "other"


REQUEST_KINDS = tuple(member.value for member in RequestKind)
REQUEST_STATES = tuple(member.value for member in RequestState)
CHANNELS = tuple(member.value for member in Channel)


class PersonRequest(Model):
    """One request. The address is there until the request is closed; its keyed hash stays, as proof of the answer."""

    __tablename__ = "person_requests"

    id: Mapped[int] = identity_column()
    kind: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), default=RequestState.OPEN)
    channel: Mapped[str] = mapped_column(String(12))
    email: Mapped[str | None] = mapped_column(String(320))
    address_hash: Mapped[str] = mapped_column(String(32))
    received_on: Mapped[date]
    due_on: Mapped[date]
    extended_at: Mapped[datetime | None]
    # Why it was extended or refused; no name and no address.
    reason: Mapped[str | None] = mapped_column(String(200))
    # How many rows were changed, by what was done to them.
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"kind IN {REQUEST_KINDS}", name="kind"),
        CheckConstraint(f"state IN {REQUEST_STATES}", name="state"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        Index("ix_person_requests_due", "due_on", "id", postgresql_where=text("state = 'open'")),
        Index("ix_person_requests_address_hash", "address_hash"),
    )
