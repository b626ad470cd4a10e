"""Signatures, their states, and the wordings that signers agreed to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Sequence,
    String,
    UniqueConstraint,
    and_,
    func,
    literal_column,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from petition.core.db import Base, Model, identity_column
from petition.petitions.models import Petition


class SignatureState(StrEnum):
    """The state of a signature; only a confirmed one counts.

    A quarantined one was confirmed by its signer, for whom nothing changes: it looks forged, and waits for the team.
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    DISOWNED = "disowned"
    INVALIDATED = "invalidated"
    QUARANTINED = "quarantined"


# The same for its signer.
CONFIRMED_STATES = (SignatureState.CONFIRMED, SignatureState.QUARANTINED)
STATES = tuple(member.value for member in SignatureState)


class Party(StrEnum):
    """Whether a person or an organisation signs."""

    PERSON = "person"
    ORGANISATION = "organisation"


PARTIES = tuple(member.value for member in Party)


class ReviewState(StrEnum):
    """What the team decided about a name that had to be read first. None in the database: no decision was needed."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


REVIEW_STATES = tuple(member.value for member in ReviewState)


class NamedWhen(StrEnum):
    """When a withheld name is to be shown. None in the database: it was not withheld, or no longer is."""

    TOTAL = "total"  # once so many people signed
    PROFESSION = "profession"  # once so many of the same profession did
    NEVER = "never"  # its signer changed their mind


NAMED_WHEN = tuple(member.value for member in NamedWhen)


# Orders and paginates the public list, without revealing when somebody confirmed.
confirmation_numbers = Sequence("confirmation_numbers", metadata=Base.metadata)

# Indexed expressions: a search must use exactly these. (The parentheses are as PostgreSQL prints them.)
SEARCH_VECTOR_SQL = "to_tsvector('simple', collation_key((name || ' ') || coalesce(organisation, '')))"
EMAIL_DOMAIN_SQL = "split_part(email_canonical, '@', -1)"
# Conditions of partial indexes. A query must have them with the same literals: `IS_LISTED`, `NEEDS_REVIEW`.
LISTED_SQL = "state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved')"
LISTED_PERSON_SQL = f"{LISTED_SQL} AND party = 'person'"
LISTED_NAME_SQL = 'collation_key(name) COLLATE "C"'
TO_REVIEW_SQL = "state = 'confirmed' AND listed AND (review = 'waiting' OR reported_at IS NOT NULL)"


class ConsentWording(Model):
    """The exact wording of the checkbox for updates that signers were shown."""

    __tablename__ = "consent_wordings"

    id: Mapped[int] = identity_column()
    version: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(String(600))

    __table_args__ = (UniqueConstraint("version", "language", "text"),)


class Signature(Model):
    """One party's signature of one petition: unique on petition, party and canonical address.

    `generation` numbers the links that were emailed; links before `valid_from` are void.
    """

    __tablename__ = "signatures"

    id: Mapped[int] = identity_column()
    # No foreign keys: neither petitions nor wordings are ever deleted, and each check would lock a row that all
    # concurrent signers share (docs/decisions/0027).
    petition_id: Mapped[int]
    party: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), default=SignatureState.PENDING)
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
    updates_wording_id: Mapped[int | None]
    updates_at: Mapped[datetime | None]
    # Whether its signer agreed to be passed on to who the form named, to which wording, and since when.
    passed_on: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    passed_on_wording_id: Mapped[int | None]
    passed_on_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(20))
    generation: Mapped[int] = mapped_column(BigInteger, default=1)
    valid_from: Mapped[int] = mapped_column(BigInteger, default=1)
    # Whether it was emailed its link by an email whose row was folded since: it counts once as mailed.
    emails_folded: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reminded_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_no: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    # Whether its signer confirmed it from the network of the last request. Erased with that. How long after the email:
    # `confirmed_at` less the delivery's `settled_at`.
    confirmed_same_network: Mapped[bool | None]
    # Since when a press is known that looked like a machine's, and was not counted.
    held_at: Mapped[datetime | None]
    # Of an organisation: its position in the block of organisations, the text shown there in place of its name, and
    # the signature that it was merged into.
    list_position: Mapped[int | None]
    logo_text: Mapped[str | None] = mapped_column(String(60))
    merged_into: Mapped[int | None]
    # A keyed hash of the network of the last request, erased a month after the petition closed.
    network: Mapped[str | None] = mapped_column(String(32))
    # Of what the public list shows: what the team decided, and since when a reader's report waits for a decision.
    review: Mapped[str | None] = mapped_column(String(10))
    reported_at: Mapped[datetime | None]
    # Since when nothing in it leads to a person (petition/retention).
    anonymised_at: Mapped[datetime | None]
    # Since when it is stored and not used, at its signer's request (GDPR, article 18): unlisted, no news, in no export.
    restricted_at: Mapped[datetime | None]
    # Since when it is quarantined; stays while it is withdrawn, disowned or invalidated, so that none of these is a way
    # out. By which cluster of `petition/integrity`, 0 where the team did it; stays when it is released, so that no rule
    # holds it again.
    quarantined_at: Mapped[datetime | None]
    quarantined_by: Mapped[int | None]
    # Of a name that its signer wants shown once enough have signed (`withheld`): when, the number promised, since when
    # it is. Until then `withheld_name` has it, and `name` is empty and unlisted: what reads names does not meet it.
    named_when: Mapped[str | None] = mapped_column(String(12))
    named_from: Mapped[int | None]
    named_at: Mapped[datetime | None]
    withheld_name: Mapped[str | None] = mapped_column(String(120))
    # Whether the form said that the team sees meanwhile who they are.
    team_sees_name: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    petition: Mapped[Petition] = relationship(
        primaryjoin="foreign(Signature.petition_id) == Petition.id", lazy="joined", innerjoin=True
    )

    @property
    def is_confirmed(self) -> bool:
        """Whether its signer confirmed it, and did not take that back: it counts, unless it is quarantined."""
        return self.state in CONFIRMED_STATES

    @property
    def former_state(self) -> SignatureState:
        """The state that one which ended had before."""
        if self.confirmed_at is None:
            return SignatureState.PENDING
        return SignatureState.QUARANTINED if self.quarantined_at else SignatureState.CONFIRMED

    __table_args__ = (
        UniqueConstraint("petition_id", "party", "email_canonical"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"party IN {PARTIES}", name="party"),
        CheckConstraint(f"review IN {REVIEW_STATES}", name="review"),
        CheckConstraint(f"named_when IN {NAMED_WHEN}", name="named_when"),
        CheckConstraint("named_when IS NULL OR named_at IS NOT NULL OR (name = '' AND NOT listed)", name="withheld"),
        CheckConstraint("withheld_name IS NULL OR (named_when IS NOT NULL AND named_at IS NULL)", name="withheld_name"),
        Index("ix_signatures_email_canonical", "email_canonical"),
        Index(
            "ix_signatures_updates",
            "petition_id",
            "email_canonical",
            postgresql_where=text("state = 'confirmed' AND updates"),
        ),
        # Of those that were confirmed, which keep their details for a time.
        Index("ix_signatures_disowned", "ended_at", postgresql_where=text("state = 'disowned' AND email <> ''")),
        Index("ix_signatures_pending", "requested_at", postgresql_where=text("state = 'pending'")),
        Index(
            "ix_signatures_list",
            "petition_id",
            "confirmed_no",
            postgresql_where=text(LISTED_SQL),
        ),
        Index(
            "ix_signatures_organisations",
            "petition_id",
            "organisation",
            "confirmed_no",
            postgresql_where=text(f"{LISTED_SQL} AND party = 'organisation'"),
        ),
        # For the public list by name.
        Index(
            "ix_signatures_list_name",
            "petition_id",
            text("collation_key(name)"),  # COLLATE "C" in the migration; reflection leaves it out
            "confirmed_no",
            postgresql_where=text(LISTED_PERSON_SQL),
        ),
        Index(
            "ix_signatures_withheld",
            "petition_id",
            "named_when",
            "named_from",
            postgresql_where=text("withheld_name IS NOT NULL AND state = 'confirmed'"),
        ),
        Index("ix_signatures_review", "confirmed_no", postgresql_where=text(TO_REVIEW_SQL)),
        # For the search of the public list, and the team's.
        Index("ix_signatures_words", text(SEARCH_VECTOR_SQL), postgresql_using="gin"),
        # For the team's search. Results are newest first, so each index of a filter ends with the id.
        Index("ix_signatures_email", text("lower(email)"), postgresql_ops={"lower(email)": "text_pattern_ops"}),
        Index(
            "ix_signatures_profession",
            text("collation_key(profession)"),
            postgresql_ops={"collation_key(profession)": "text_pattern_ops"},
        ),
        # Of the few petitions that ask for a town.
        Index(
            "ix_signatures_city",
            text("collation_key(city)"),
            postgresql_ops={"collation_key(city)": "text_pattern_ops"},
            postgresql_where=text("city IS NOT NULL"),
        ),
        Index("ix_signatures_domain", text(EMAIL_DOMAIN_SQL), "id"),
        Index("ix_signatures_state", "state", "id"),
        Index("ix_signatures_petition", "petition_id", "id"),
        Index("ix_signatures_restricted", "petition_id", "id", postgresql_where=text("restricted_at IS NOT NULL")),
        Index("ix_signatures_created", "created_at", "id"),
        Index("ix_signatures_confirmed", "confirmed_at", "id", postgresql_where=text("confirmed_at IS NOT NULL")),
        Index("ix_signatures_network", "network", "id", postgresql_where=text("network IS NOT NULL")),
        Index(
            "ix_signatures_quarantined",
            "state",
            "petition_id",
            "quarantined_by",
            "id",
            postgresql_where=text("quarantined_at IS NOT NULL"),
        ),
        Index(
            "ix_signatures_network_kept", "petition_id", "requested_at", postgresql_where=text("network IS NOT NULL")
        ),
    )

    @property
    def own_name(self) -> str:
        """The name as its signer gave it: for their own pages alone."""
        return self.withheld_name or self.name

    @property
    def is_withheld(self) -> bool:
        """Whether the name is not to be shown yet."""
        return self.withheld_name is not None

    @property
    def shown(self) -> str | bool:
        """Whether the name is shown in the list, or when it will be."""
        return self.named_when or self.listed


IS_LISTED = and_(
    Signature.state == literal_column("'confirmed'"),
    Signature.listed,
    or_(Signature.review.is_(None), Signature.review == literal_column("'approved'")),
)
NEEDS_REVIEW = and_(
    Signature.state == literal_column("'confirmed'"),
    Signature.listed,
    or_(Signature.review == literal_column("'waiting'"), Signature.reported_at.is_not(None)),
)


class WithheldCount(Model):
    """How many confirmed signers of a petition wait to be named, by what they wait for. Nothing of any of them.

    `profession` is as one of them wrote it, the key what all of them mean; empty of those who wait for a total.
    """

    __tablename__ = "withheld_counts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    named_when: Mapped[str] = mapped_column(String(12), primary_key=True)
    named_from: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    profession_key: Mapped[str] = mapped_column(String(120), primary_key=True)
    profession: Mapped[str | None] = mapped_column(String(120))
    waiting: Mapped[int]
