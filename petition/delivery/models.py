"""Deliveries, their attempts, and pauses."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class DeliveryState(StrEnum):
    """States of a delivery."""

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"


STATES = tuple(member.value for member in DeliveryState)
WAITING_STATES = (DeliveryState.DUE.value, DeliveryState.DEFERRED.value)
PROBLEM_STATES = (
    DeliveryState.DEFERRED.value,
    DeliveryState.FAILED.value,
    DeliveryState.UNKNOWN.value,
)  # those that an operator may have to look at


class Delivery(Model):
    """One email to one person: a row of the outbox, and what became of it.

    Has no address and no text: both are composed from the subject's row when the email is sent.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = identity_column()
    kind: Mapped[str] = mapped_column(String(40))
    queue: Mapped[str] = mapped_column(String(20))
    # No foreign keys: delivery does not know what a petition or a signature is. With a petition, the subject is one of
    # its signatures; emails to the team have 0.
    petition_id: Mapped[int]
    subject_id: Mapped[int]
    generation: Mapped[int]
    mailing_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12), default=DeliveryState.DUE)
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    claim_token: Mapped[uuid.UUID | None]
    claimed_by: Mapped[str | None] = mapped_column(String(100))
    # Whether its worker may have offered it to the mail server; only in queues that do not send again after a crash.
    begun: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    smtp_code: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None] = mapped_column(String(200))
    # The reason in short, the same for all failures of a kind: "550 5.1.1", "TimeoutError".
    cause: Mapped[str] = mapped_column(String(80), default="", server_default="")
    domain: Mapped[str | None] = mapped_column(String(255))
    # The provider whose back-off, or whose pace, it waits for (`pacing`).
    parked_for: Mapped[str | None] = mapped_column(String(255))
    # Keyed hash of the address that it was sent to: reports act on that address, not on the subject's of today.
    address_hash: Mapped[str | None] = mapped_column(String(32))
    # Whether it was counted against the budgets of its mailbox and domain: once, however often it is tried.
    budgeted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Of the HTTP request that enqueued the email, to follow it through the logs.
    request_id: Mapped[str | None] = mapped_column(String(32))
    tried_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "generation"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_deliveries_waiting", "queue", "next_attempt_at", postgresql_where=f"state IN {WAITING_STATES}"),
        # How long people have been waiting for their link (petition/operations/health/queries.py).
        Index(
            "ix_deliveries_unsettled",
            "created_at",
            postgresql_where=text("queue = 'confirmations' AND state IN ('due', 'deferred', 'sending')"),
        ),
        Index("ix_deliveries_leased", "lease_until", postgresql_where=f"state = '{DeliveryState.SENDING}'"),
        Index(
            "ix_deliveries_parked",
            "parked_for",
            "queue",
            "tried_at",
            postgresql_where=f"parked_for IS NOT NULL AND state = '{DeliveryState.DEFERRED}'",
        ),
        Index("ix_deliveries_subject", "subject_id", "created_at"),
        Index(
            "ix_deliveries_mailing_waiting",
            "mailing_id",
            "next_attempt_at",
            postgresql_where=f"mailing_id IS NOT NULL AND state IN {WAITING_STATES}",
        ),
        Index("ix_deliveries_mailing", "mailing_id", "state", "id", postgresql_where="mailing_id IS NOT NULL"),
        Index(
            "ix_deliveries_trouble",
            "queue",
            "state",
            "cause",
            func.coalesce(text("domain"), text("''")),
            "tried_at",
            "id",
            postgresql_where=f"state IN {PROBLEM_STATES}",
        ),
    )


class Attempt(Model):
    """One attempt to send a delivery: what woke the worker, which worker it was, and the server's response."""

    __tablename__ = "attempts"

    id: Mapped[int] = identity_column()
    delivery_id: Mapped[int]
    woken_at: Mapped[datetime | None]
    woken_by: Mapped[str | None] = mapped_column(String(10))
    claimed_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    smtp_code: Mapped[int | None] = mapped_column(SmallInteger)
    response: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (
        Index("ix_attempts_delivery", "delivery_id"),
        Index("ix_attempts_ended", "ended_at", postgresql_using="brin"),
    )


class Pause(Model):
    """Stops claims from a queue, from every queue, or while the mail server is in trouble; read by each claim."""

    __tablename__ = "pauses"

    scope: Mapped[str] = mapped_column(String(20), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    until: Mapped[datetime | None]
    by: Mapped[str | None] = mapped_column(String(320))
    # Of the mail server's pause: failures in a row. Without any nothing is paused, but mail to the provider `domain`
    # met what may be the server's trouble (`server_health`).
    strikes: Mapped[int] = mapped_column(SmallInteger, default=0)
    domain: Mapped[str | None] = mapped_column(String(255))


class EmailBudget(Model):
    """How many emails a mailbox, or a domain, was sent since `started_at`; under a keyed hash."""

    __tablename__ = "email_budgets"

    key_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    emails: Mapped[int]
    granted: Mapped[int]  # of the last request, which may have been for several emails
