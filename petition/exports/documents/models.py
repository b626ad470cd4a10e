"""Documents that a worker made of a petition, and dossiers that were handed over."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class DocumentKind(StrEnum):
    """A public document of a petition."""

    LETTER = "letter"
    SIGNATORIES = "signatories"
    POSTER = "poster"
    POSTER_A3 = "poster_a3"
    SHEET = "sheet"
    CARD = "card"  # a picture, which other sites show beside a link


class DossierState(StrEnum):
    """How far a dossier is."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Document(Model):
    """A public document in one language as it was last made; without content, it was asked for and not made yet.

    `requested_at`: since when a newer one is wanted. `claimed_at`: since when a worker makes it. `made_at`: the moment
    that its content was true. `petition_version`: of the petition that it shows. `milliseconds`: that making it took.
    """

    __tablename__ = "documents"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(5))
    requested_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    made_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    petition_version: Mapped[int | None]
    milliseconds: Mapped[int | None]
    digest: Mapped[str | None] = mapped_column(String(64))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (
        UniqueConstraint("petition_id", "kind", "language", name="uq_documents_petition_id"),
        CheckConstraint(f"kind IN {tuple(member.value for member in DocumentKind)}", name="kind"),
        Index("ix_documents_requested", "requested_at", postgresql_where=text("requested_at IS NOT NULL")),
    )


class Dossier(Model):
    """A dossier as it was handed over. `as_of`: the moment that it was true; `progress`: per cent of its making.

    `erased_at`: since when its content, which names people, is no longer kept; its digest still proves a copy of it.
    """

    __tablename__ = "dossiers"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), default=DossierState.WAITING)
    language: Mapped[str] = mapped_column(String(5))
    asked_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    claimed_at: Mapped[datetime | None]
    progress: Mapped[int] = mapped_column(default=0, server_default="0")
    as_of: Mapped[datetime | None]
    reference: Mapped[str | None] = mapped_column(String(120))
    names: Mapped[int | None]
    pages: Mapped[int | None]
    size: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"state IN {tuple(member.value for member in DossierState)}", name="state"),
        Index("ix_dossiers_petition", "petition_id", "id"),
        Index("ix_dossiers_waiting", "id", postgresql_where=text(f"state = '{DossierState.WAITING}'")),
    )
