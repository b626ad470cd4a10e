"""A petition, its texts and its counters."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, SmallInteger, String, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from petition.core import clock
from petition.core.db import Model, identity

DRAFT: Final = "draft"
OPEN: Final = "open"
CLOSED: Final = "closed"
ARCHIVED: Final = "archived"
STATES = (DRAFT, OPEN, CLOSED, ARCHIVED)
KINDS = ("petition", "open_letter")
LISTINGS = ("opt_in", "none")
ASKS = ("profession", "city", "postal_code", "country")
CONFIRM_AFTER_CLOSING = timedelta(hours=24)
SLOTS = 16


class Petition(Model):
    """Something to sign. `state` is what the team decided; `state_now` adds what its dates decide by themselves."""

    __tablename__ = "petitions"

    id: Mapped[int] = identity()
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), default=DRAFT)
    default_language: Mapped[str] = mapped_column(String(5))
    sender_name: Mapped[str] = mapped_column(String(120))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    asks: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    listing: Mapped[str] = mapped_column(String(10))
    accepts_organisations: Mapped[bool]
    milestones: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    timezone: Mapped[str] = mapped_column(String(60), server_default="Europe/Paris")
    opens_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    texts: Mapped[dict[str, "PetitionText"]] = relationship(
        lazy="selectin", collection_class=attribute_keyed_dict("language"), cascade="all, delete-orphan"
    )

    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"listing IN {LISTINGS}", name="listing"),
    )

    @property
    def closing_moment(self) -> datetime | None:
        """The earlier of the moment the team closed it and its closing date."""
        moments = [moment for moment in (self.closed_at, self.closes_at) if moment]
        return min(moments) if moments else None

    @property
    def state_now(self) -> str:
        """The state in force: opening and closing dates act by themselves, to the second."""
        now, closing = clock.now(), self.closing_moment
        if self.state == ARCHIVED:
            return ARCHIVED
        opened = self.state != DRAFT or (self.opens_at is not None and self.opens_at <= now)
        if opened and closing is not None and closing <= now:
            return CLOSED
        return self.state if self.state != DRAFT else (OPEN if opened else DRAFT)

    @property
    def is_open(self) -> bool:
        """Whether it can be signed now."""
        return self.state_now == OPEN

    @property
    def people_can_confirm(self) -> bool:
        """Whether a link is still honoured: while open, and a day longer."""
        if self.is_open:
            return True
        closing = self.closing_moment
        return self.state_now == CLOSED and closing is not None and clock.now() < closing + CONFIRM_AFTER_CLOSING

    def text_in(self, language: str) -> "PetitionText":
        """Return the text in this language, else in the petition's own."""
        return self.texts.get(language) or self.texts[self.default_language]


class PetitionText(Model):
    """A petition's words in one language."""

    __tablename__ = "petition_texts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(5), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(String(600))
    body: Mapped[str] = mapped_column(Text)
    addressee: Mapped[str] = mapped_column(String(200))
    professions: Mapped[list[str]] = mapped_column(ARRAY(String(120)), server_default=text("'{}'"))


class PetitionCount(Model):
    """One slot of a petition's counters: the count is the sum of the slots, so that no row is hot."""

    __tablename__ = "petition_counts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    people: Mapped[int] = mapped_column(server_default="0")
    organisations: Mapped[int] = mapped_column(server_default="0")
    paper: Mapped[int] = mapped_column(server_default="0")
