"""Bounces: one row for each report, and whether their mailbox can be read."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, Index, LargeBinary, SmallInteger, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column

RAW_RETENTION = timedelta(days=30)  # of the text of a report that was not understood


class BounceKind(StrEnum):
    """Kinds of a report."""

    PERMANENT = "permanent"
    SOFT = "soft"
    POLICY = "policy"
    COMPLAINT = "complaint"
    DELAYED = "delayed"  # or relayed, or an automatic reply: has no consequence
    UNSUBSCRIBE = "unsubscribe"
    REPLY = "reply"  # of a person, forwarded to the team
    DMARC = "dmarc"  # aggregate report, summed
    NOT_UNDERSTOOD = "not_understood"


KINDS = tuple(member.value for member in BounceKind)
BOUNCED_KINDS = (
    BounceKind.PERMANENT.value,
    BounceKind.SOFT.value,
    BounceKind.POLICY.value,
    BounceKind.COMPLAINT.value,
)  # counted as bounced in a mailing's report


class Bounce(Model):
    """One report, as parsed. Has a keyed hash in place of the address, and the raw text if it was not understood."""

    __tablename__ = "bounces"

    id: Mapped[int] = identity_column()
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str] = mapped_column(String(14))
    status: Mapped[str] = mapped_column(String(12))
    response: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    delivery_id: Mapped[int | None]
    mailing_id: Mapped[int | None]
    address_hash: Mapped[str | None] = mapped_column(String(32))
    # A soft bounce about the mailbox itself, with no later delivery: several suppress the address.
    counts: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    read_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        Index("ix_bounces_mailing", "mailing_id", "kind", postgresql_where="mailing_id IS NOT NULL"),
        Index("ix_bounces_delivery", "delivery_id"),
        Index("ix_bounces_address", "address_hash", "at", postgresql_where="kind = 'soft'"),
        Index("ix_bounces_unread", "id", postgresql_where="kind = 'not_understood' AND read_at IS NULL"),
        Index("ix_bounces_at", "at"),
    )


class WebhookToken(Model):
    """A message of a provider's webhook that was accepted: digests of what identifies it and of what it said."""

    __tablename__ = "webhook_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    accepted_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_webhook_tokens_accepted_at", "accepted_at"),)


class BounceMailboxState(Model):
    """Whether the bounce mailbox could be read at the last poll: one row, none without a mailbox."""

    __tablename__ = "bounce_mailbox_state"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    since: Mapped[datetime | None]  # when the problem began
    problem: Mapped[str] = mapped_column(String(12))  # a `MailboxProblem`, or ""
    response: Mapped[str] = mapped_column(String(200))  # the server's, without addresses
    waiting: Mapped[int] = mapped_column(server_default=text("0"))  # messages not processed yet
    failed: Mapped[int] = mapped_column(server_default=text("0"))  # messages in the folder of those that cannot be

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class DmarcReport(Model):
    """A DMARC aggregate report that was summed: each counts once."""

    __tablename__ = "dmarc_reports"

    organisation: Mapped[str] = mapped_column(String(120), primary_key=True)
    report_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    domain: Mapped[str] = mapped_column(String(255))
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DmarcSource(Model):
    """How many emails of a day a server sent as our domain, by whether they aligned, as providers reported."""

    __tablename__ = "dmarc_sources"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    source: Mapped[str] = mapped_column(String(45), primary_key=True)
    aligned: Mapped[int]
    not_aligned: Mapped[int]
