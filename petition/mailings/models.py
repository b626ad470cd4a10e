"""Tables of mailings: mailing, its text in each language, its test emails, its unsubscriptions."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from petition.core.db import Model, identity_column


class MailingState(StrEnum):
    """State of a mailing; `lifecycle` has the transitions."""

    DRAFT = "draft"
    TESTED = "tested"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What an automatic mailing waits for, once it is scheduled."""

    CONFIRMED = "confirmed"  # a signer confirms: sent to each, so many days later
    MILESTONE = "milestone"  # so many have confirmed
    HANDED_OVER = "handed_over"
    WON = "won"


TRIGGERS = tuple(member.value for member in Trigger)

MAILING_STATES = tuple(member.value for member in MailingState)
STARTED_STATES = (
    MailingState.SENDING.value,
    MailingState.PAUSED.value,
    MailingState.SENT.value,
    MailingState.CANCELLED.value,
)


class UnsubscribeChoice(StrEnum):
    """What somebody unsubscribed from."""

    THESE = "these"
    ALL = "all"
    WITHDRAW = "withdraw"
    COMPLAINT = "complaint"


UNSUBSCRIBE_CHOICES = tuple(member.value for member in UnsubscribeChoice)

# Kind of its deliveries. Their generation is the mailing's id: unique by signer, so that nobody has two.
MAILING_KIND: Final = "mailing"
MAILING_TEST_KIND: Final = "mailing_test"
MAILING_STOPPED_KIND: Final = "mailing_stopped"


class Mailing(Model):
    """A message to the signers who agreed to updates.

    `version` counts the edits. `content_version` is that of the last edit that needs a new test: tests are of one
    content version, counts of one version. Rates are in emails per hour, limits are fractions of 1. `undo_minutes` is
    the shortest time between scheduling and the first email.
    """

    __tablename__ = "mailings"

    id: Mapped[int] = identity_column()
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), default=MailingState.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    content_version: Mapped[int] = mapped_column(default=1, server_default="1")
    # The partner whose mailing it is; None: the site's team.
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partners.id"))
    sender_name: Mapped[str] = mapped_column(String(120))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    timezone: Mapped[str] = mapped_column(String(60))
    segment: Mapped[dict[str, Any]] = mapped_column(JSONB)
    per_hour: Mapped[int | None]
    per_domain_hour: Mapped[int | None]
    warm_up: Mapped[int | None]  # emails in the first hour; twice as many in each hour that follows, up to `per_hour`
    undo_minutes: Mapped[int] = mapped_column(default=5, server_default="5")
    failure_limit: Mapped[float] = mapped_column(Float, default=0.05, server_default=text("0.05"))
    unsubscribe_limit: Mapped[float] = mapped_column(Float, default=0.02, server_default=text("0.02"))
    trigger: Mapped[str | None] = mapped_column(String(12))
    trigger_value: Mapped[int | None]  # days after the confirmation, or confirmed signatures
    checked_until: Mapped[datetime | None]  # up to when those who confirmed have been found (`Trigger.CONFIRMED`)
    public: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # The counts of `audience.preview.count_audience`, and the version that they are of.
    audience: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    audience_version: Mapped[int | None]
    tested_version: Mapped[int | None]
    send_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    # Recent [time, emails sent by then] pairs.
    sent_samples: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    # `Progress.limit_counts` when it was last resumed: the limits apply to what came after.
    limits_baseline: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    reason: Mapped[str | None] = mapped_column(String(200))  # why it was paused or cancelled
    written_by: Mapped[str] = mapped_column(String(320))
    sent_by_id: Mapped[int | None]  # the account that is notified when it pauses by itself
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    texts: Mapped[dict[str, "MailingText"]] = relationship(
        lazy="selectin",
        order_by="MailingText.language",
        collection_class=attribute_keyed_dict("language"),
        cascade="all, delete-orphan",
    )

    __table_args__ = (
        CheckConstraint(f"state IN {MAILING_STATES}", name="state"),
        CheckConstraint(f"trigger IN {TRIGGERS}", name="trigger"),
        Index("ix_mailings_active", "state", postgresql_where="state NOT IN ('sent', 'cancelled')"),
    )


class MailingText(Model):
    """The text of a mailing in one language."""

    __tablename__ = "mailing_texts"

    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(5), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300))
    preheader: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)


class MailingTest(Model):
    """A test email of a mailing's content version to one member of the team, in one language."""

    __tablename__ = "mailing_tests"

    id: Mapped[int] = identity_column()
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    language: Mapped[str] = mapped_column(String(5))
    account_id: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Unsubscription(Model):
    """A recipient who unsubscribed by the link in a mailing, by email, or by reporting it as unwanted."""

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
