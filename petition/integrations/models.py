"""Endpoints of webhooks, and the events sent to each."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class EndpointState(StrEnum):
    """Whether events are sent: paused, they wait; disabled, as its receiver asked by 410, none is written."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class EventState(StrEnum):
    """How far an event is at its endpoint. Failed: given up; an operator replays or discards it."""

    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"


class EventType(StrEnum):
    """What an endpoint can ask for; a test message is sent manually."""

    SIGNATURE_CONFIRMED = "signature.confirmed"
    SIGNATURE_WITHDRAWN = "signature.withdrawn"
    UPDATES_OPTED_IN = "updates.opted_in"
    UPDATES_OPTED_OUT = "updates.opted_out"
    PARTNER_NEWS_OPTED_OUT = "partner_news.opted_out"
    PASSING_ON_OPTED_IN = "passing_on.opted_in"
    PASSING_ON_OPTED_OUT = "passing_on.opted_out"
    PETITION_MILESTONE = "petition.milestone"
    MAILING_FINISHED = "mailing.finished"
    TEST = "webhook.test"


EVENT_TYPES = tuple(member.value for member in EventType if member is not EventType.TEST)


class WebhookEndpoint(Model):
    """Where events are sent. One worker at a time serves it, so that events keep their order: that of its lease."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[int] = identity_column()
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[str]] = mapped_column(ARRAY(String(30)))
    petition_id: Mapped[int | None]  # the one that it is about; None for all
    state: Mapped[str] = mapped_column(String(10), default=EndpointState.ACTIVE)
    # Signs messages, so it cannot be a hash. The one before signs too for a while after a rotation.
    secret: Mapped[str] = mapped_column(String(80))
    old_secret: Mapped[str | None] = mapped_column(String(80))
    old_secret_until: Mapped[datetime | None]
    # Makes the ids by which it knows signatures: no other endpoint knows them by the same, nor by their number.
    id_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    # How many attempts in a row got no answer, and until when we therefore back off from it.
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    backoff_until: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    lease: Mapped[str | None] = mapped_column(String(32))
    served_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint(f"state IN {tuple(member.value for member in EndpointState)}", name="state"),)


class WebhookEvent(Model):
    """One event for one endpoint. Names nobody: what a signer agreed to pass on is read when it is sent."""

    __tablename__ = "webhook_events"

    id: Mapped[int] = identity_column()
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(30))
    petition_id: Mapped[int | None]
    signature_id: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str] = mapped_column(String(10), default=EventState.DUE, server_default="due")
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(String(60))  # the status of the last attempt, or why there was none

    __table_args__ = (
        CheckConstraint(f"state IN {tuple(member.value for member in EventState)}", name="state"),
        Index("ix_webhook_events_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_events_due", "endpoint_id", "signature_id", "id", postgresql_where=text("state = 'due'")),
        Index("ix_webhook_events_signature", "signature_id", postgresql_where=text("signature_id IS NOT NULL")),
        Index("ix_webhook_events_failed", "id", postgresql_where=text("state = 'failed'")),
        Index("ix_webhook_events_created_at", "created_at"),
    )
