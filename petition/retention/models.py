"""How far the retention of each petition is, the announcements to the team, and the daily counts of old emails."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, String, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class PetitionRetention(Model):
    """The anonymisation of one petition: postponed, announced, under way, finished. No row: none of that yet.

    `announced_for` is the due date that was announced: where that changes, it is announced again. `position` is the id
    of the last signature that was done. `kept_back` are the ids of those that were left out, as their use is
    restricted: they are done once that is lifted.
    """

    __tablename__ = "petition_retention"

    petition_id: Mapped[int] = mapped_column(
        ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    postponed_until: Mapped[datetime | None]
    postponed_reason: Mapped[str | None] = mapped_column(String(200))
    announced_at: Mapped[datetime | None]
    announced_for: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    signatures: Mapped[int] = mapped_column(default=0, server_default="0")
    paper: Mapped[int] = mapped_column(default=0, server_default="0")
    kept_back: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list, server_default="{}")


class RetentionAnnouncement(Model):
    """An email to one member of the team that announces the anonymisation of a petition."""

    __tablename__ = "retention_announcements"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    due_at: Mapped[datetime]
    signatures: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DeliveryDay(Model):
    """How many emails of a kind ended in a state on a day (UTC), and in how many attempts: what is left of their rows.

    `mailing_id` is 0 for an email of no mailing, `petition_id` for one to the team.
    """

    __tablename__ = "delivery_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    petition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    mailing_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    emails: Mapped[int]
    attempts: Mapped[int]
