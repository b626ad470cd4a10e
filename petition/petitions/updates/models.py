"""The table of a petition's updates."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class UpdateKind(StrEnum):
    """What an update tells."""

    UPDATE = "update"
    HANDED_OVER = "handed_over"
    ANSWER = "answer"  # of whom the petition is for
    OUTCOME = "outcome"


UPDATE_KINDS = tuple(kind.value for kind in UpdateKind)


class PetitionUpdate(Model):
    """Something that a petition's page tells after its letter, of one day; a draft until it is published."""

    __tablename__ = "petition_updates"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    happened_on: Mapped[date]
    # Where it can be read in full: the page of the addressee, of a newspaper.
    source_url: Mapped[str | None] = mapped_column(String(500))
    # By language: `title`, and `body` in Markdown.
    texts: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB)
    published_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    # Incremented by every change, for the optimistic lock.
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    __table_args__ = (
        CheckConstraint(f"kind IN {UPDATE_KINDS}", name="kind"),
        Index("ix_petition_updates_petition", "petition_id", "happened_on", "id"),
    )

    def language_for(self, language: str) -> str:
        """Return this language if there is a text in it, else the first one that has a text."""
        return language if language in self.texts else next(iter(self.texts), language)
