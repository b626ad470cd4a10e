"""A mailing, its words in each language, who tried it, and who stopped the updates because of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from petition.core.db import Model, identity_column


class MailingState(StrEnum):
    """Where a mailing stands."""

    DRAFT = "draft"
    TESTED = "tested"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


MAILING_STATES = tuple(member.value for member in MailingState)
WRITABLE = (MailingState.DRAFT.value, MailingState.TESTED.value)
STARTED_STATES = (
    MailingState.SENDING.value,
    MailingState.PAUSED.value,
    MailingState.SENT.value,
    MailingState.CANCELLED.value,
)


class UnsubscribeChoice(StrEnum):
    """What somebody asked to stop receiving."""

    THESE = "these"
    ALL = "all"
    WITHDRAW = "withdraw"
    COMPLAINT = "complaint"


UNSUBSCRIBE_CHOICES = tuple(member.value for member in UnsubscribeChoice)

MAILING_KIND: Final = "mailing"  # of its deliveries; their generation is the mailing's id, so that each signer has one
MAILING_TEST_KIND: Final = "mailing_test"
MAILING_STOPPED_KIND: Final = "mailing_stopped"


class Mailing(Model):
    """One message to the signers who agreed. `version` counts the edits: a test, a figure, an editor is of one of them.

    Rates are emails per hour, shares are of one, `undo_minutes` is the time between the press of a button and the first
    email.
    """

    __tablename__ = "mailings"

    id: Mapped[int] = identity_column()
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), default=MailingState.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    sender_name: Mapped[str] = mapped_column(String(120))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    timezone: Mapped[str] = mapped_column(String(60))
    segment: Mapped[dict[str, Any]] = mapped_column(JSONB)
    per_hour: Mapped[int | None]
    per_domain_hour: Mapped[int | None]
    warm_up: Mapped[int | None]  # emails in the first hour; twice as many in each that follows, up to `per_hour`
    undo_minutes: Mapped[int] = mapped_column(default=5, server_default="5")
    failure_limit: Mapped[float] = mapped_column(Float, default=0.05, server_default=text("0.05"))
    unsubscribe_limit: Mapped[float] = mapped_column(Float, default=0.02, server_default=text("0.02"))
    public: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # What a count of the audience found, and of which version.
    audience: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    audience_version: Mapped[int | None]
    tested_version: Mapped[int | None]
    send_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    sent_samples: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'")
    )  # (moment, sent) lately
    # What had been tried, had failed and had made readers leave when it was last resumed: the limits look at the rest.
    limits_baseline: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    reason: Mapped[str | None] = mapped_column(String(200))  # why it was paused or cancelled
    written_by: Mapped[str] = mapped_column(String(320))
    sent_by_id: Mapped[int | None]  # the account that is told when it pauses by itself
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    texts: Mapped[dict[str, "MailingText"]] = relationship(
        lazy="selectin", collection_class=attribute_keyed_dict("language"), cascade="all, delete-orphan"
    )

    __table_args__ = (
        CheckConstraint(f"state IN {MAILING_STATES}", name="state"),
        Index("ix_mailings_active", "state", postgresql_where="state NOT IN ('sent', 'cancelled')"),
    )


class MailingText(Model):
    """A mailing's words in one language."""

    __tablename__ = "mailing_texts"

    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300))
    preheader: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)


class MailingTest(Model):
    """A mailing as one member of the team is to see it, in one language."""

    __tablename__ = "mailing_tests"

    id: Mapped[int] = identity_column()
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    language: Mapped[str] = mapped_column(String(5))
    account_id: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Unsubscription(Model):
    """A recipient who stopped the updates by the link in a mailing, or by complaining of it."""

    __tablename__ = "unsubscriptions"

    id: Mapped[int] = identity_column()
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"))
    delivery_id: Mapped[int]
    choice: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("mailing_id", "delivery_id"),
        CheckConstraint(f"choice IN {UNSUBSCRIBE_CHOICES}", name="choice"),
    )
