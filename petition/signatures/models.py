"""A signature, and the wording its signer agreed to."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Sequence,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from petition.core.db import Base, Model, identity
from petition.petitions.models import Petition

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
WITHDRAWN: Final = "withdrawn"
DISOWNED: Final = "disowned"
INVALIDATED: Final = "invalidated"
STATES = (PENDING, CONFIRMED, WITHDRAWN, DISOWNED, INVALIDATED)
PERSON: Final = "person"
ORGANISATION: Final = "organisation"
PARTIES = (PERSON, ORGANISATION)

# The public list is ordered and paged by this number, which says nothing of when somebody confirmed.
confirmation_numbers = Sequence("confirmation_numbers", metadata=Base.metadata)


class ConsentWording(Model):
    """The exact words that signers were shown beside the box for updates."""

    __tablename__ = "consent_wordings"

    id: Mapped[int] = identity()
    version: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(String(600))

    __table_args__ = (UniqueConstraint("version", "language", "text"),)


class Signature(Model):
    """One party's signature under one petition: unique by the database on petition, party and canonical address.

    `generation` numbers the links mailed; links before `valid_from` are void.
    """

    __tablename__ = "signatures"

    id: Mapped[int] = identity()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id"))
    party: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), default=PENDING)
    name: Mapped[str] = mapped_column(String(120))
    organisation: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    email_canonical: Mapped[str] = mapped_column(String(320))
    profession: Mapped[str | None] = mapped_column(String(120))
    city: Mapped[str | None] = mapped_column(String(120))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str | None] = mapped_column(String(2))
    locale: Mapped[str] = mapped_column(String(5))
    listed: Mapped[bool]
    updates: Mapped[bool]
    updates_wording_id: Mapped[int | None] = mapped_column(ForeignKey("consent_wordings.id"))
    updates_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(20))
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    valid_from: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reminded_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_no: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    # Of an organisation: its place in the block of organisations, what stands there in place of its name, and the
    # signature that stands for it as well.
    list_position: Mapped[int | None]
    logo_text: Mapped[str | None] = mapped_column(String(60))
    merged_into: Mapped[int | None]
    petition: Mapped[Petition] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (
        UniqueConstraint("petition_id", "party", "email_canonical"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"party IN {PARTIES}", name="party"),
        Index("ix_signatures_email_canonical", "email_canonical"),
        Index("ix_signatures_name", text("lower(name)"), postgresql_ops={"lower(name)": "text_pattern_ops"}),
        Index(
            "ix_signatures_updates",
            "petition_id",
            "email_canonical",
            postgresql_where=text("state = 'confirmed' AND updates"),
        ),
        Index("ix_signatures_pending", "requested_at", postgresql_where=text("state = 'pending'")),
        Index(
            "ix_signatures_list",
            "petition_id",
            "confirmed_no",
            postgresql_where=text("state = 'confirmed' AND listed"),
        ),
        Index(
            "ix_signatures_organisations",
            "petition_id",
            "organisation",
            "confirmed_no",
            postgresql_where=text("state = 'confirmed' AND listed AND party = 'organisation'"),
        ),
    )
