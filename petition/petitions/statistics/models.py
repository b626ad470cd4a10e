"""Counters and statistics of petitions: what triggers log, and what it is summed up to."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column

COUNTER_SLOTS = 16


class PetitionCount(Model):
    """One slot of a petition's counters; the count is the sum of the slots, so that signers do not wait for one row."""

    __tablename__ = "petition_counts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    people: Mapped[int] = mapped_column(server_default="0")
    organisations: Mapped[int] = mapped_column(server_default="0")
    paper: Mapped[int] = mapped_column(server_default="0")


class CampaignLog(Model):
    """Changes of a campaign's statistics: written by triggers on signatures and deliveries, rolled up periodically."""

    __tablename__ = "campaign_log"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int]
    hour: Mapped[datetime | None]
    submitted: Mapped[int]
    mailed: Mapped[int]
    reached: Mapped[int]
    counted: Mapped[int]
    # People that came into the public list, less those that left it.
    listed: Mapped[int] = mapped_column(server_default="0")
    source: Mapped[str | None] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(5))
    profession: Mapped[str | None] = mapped_column(String(120))
    city: Mapped[str | None] = mapped_column(String(120))
    area: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str | None] = mapped_column(String(2))


class CampaignStatistic(Model):
    """The number of a campaign's signatures with one value of a dimension; `value` is the label in lower case."""

    __tablename__ = "campaign_statistics"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    dimension: Mapped[str] = mapped_column(String(12), primary_key=True)
    value: Mapped[str] = mapped_column(String(250), primary_key=True)
    label: Mapped[str] = mapped_column(String(120))
    n: Mapped[int]

    __table_args__ = (
        Index("ix_campaign_statistics_top", "petition_id", "dimension", text("n DESC"), "value"),
        Index("ix_campaign_statistics_nobody", "petition_id", postgresql_where="n = 0"),
    )


class CampaignHour(Model):
    """The signatures of a campaign submitted within an hour, and those confirmed within it that still count."""

    __tablename__ = "campaign_hours"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    submitted: Mapped[int]
    counted: Mapped[int]


class HeldPresses(Model):
    """How many signatures of a petition had a confirmation that looked like a machine's, and was not counted yet."""

    __tablename__ = "held_presses"

    petition_id: Mapped[int] = mapped_column(
        ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    held: Mapped[int]
