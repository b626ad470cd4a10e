"""Petitions, their texts and their images."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from petition.core import clock
from petition.core.db import Model, identity_column


class PetitionState(StrEnum):
    """The state that the team set; opening and closing dates apply on top of it."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"


class Kind(StrEnum):
    """What is signed."""

    PETITION = "petition"
    OPEN_LETTER = "open_letter"


class Listing(StrEnum):
    """Who is named on the public page: those who agree, or nobody."""

    OPT_IN = "opt_in"
    NONE = "none"


class DisposablePolicy(StrEnum):
    """What happens to addresses at services that give everybody throw-away ones."""

    ACCEPT = "accept"
    QUARANTINE = "quarantine"
    REFUSE = "refuse"


class ChallengePolicy(StrEnum):
    """When the form asks for a proof of work: never, while many unconfirmed signatures arrive, always."""

    OFF = "off"
    AUTOMATIC = "automatic"
    ON = "on"


PETITION_STATES = tuple(member.value for member in PetitionState)
KINDS = tuple(member.value for member in Kind)
LISTINGS = tuple(member.value for member in Listing)
DISPOSABLE_POLICIES = tuple(member.value for member in DisposablePolicy)
CHALLENGE_POLICIES = tuple(member.value for member in ChallengePolicy)
ASKS = ("profession", "city", "postal_code", "country")
CONFIRMATION_GRACE_PERIOD = timedelta(hours=24)


class Petition(Model):
    """A petition or open letter. `state` is what the team set; `state_now` also follows its dates."""

    __tablename__ = "petitions"

    id: Mapped[int] = identity_column()
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10), default=PetitionState.DRAFT)
    default_language: Mapped[str] = mapped_column(String(5))
    sender_name: Mapped[str] = mapped_column(String(120))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    asks: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    listing: Mapped[str] = mapped_column(String(10))
    # Whether search engines may index the list of signatories.
    list_indexed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Whether everybody may see its statistics, in groups that show no one.
    statistics_public: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    accepts_organisations: Mapped[bool]
    # How many must have signed, in all or of a profession, for signers who choose to be named only then; None: no such
    # choice. Whether the team sees meanwhile who they are, which the form says.
    named_total: Mapped[int | None]
    named_profession: Mapped[int | None]
    team_sees_withheld: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Sites that may show its form in a frame, and use its API from their pages.
    embed_origins: Mapped[list[str]] = mapped_column(ARRAY(String(200)), default=list, server_default=text("'{}'"))
    # To whom signers may agree to be passed on, as the form names them; None: they are not asked.
    passes_on_to: Mapped[str | None] = mapped_column(String(200))
    milestones: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    timezone: Mapped[str] = mapped_column(String(60), server_default="Europe/Paris")
    disposable_addresses: Mapped[str] = mapped_column(
        String(12), default=DisposablePolicy.ACCEPT, server_default=DisposablePolicy.ACCEPT
    )
    # Until when its confirmations were looked at for addresses that are set aside.
    disposable_checked_at: Mapped[datetime | None]
    challenge: Mapped[str] = mapped_column(
        String(10), default=ChallengePolicy.AUTOMATIC, server_default=ChallengePolicy.AUTOMATIC
    )
    # Since when unconfirmed signatures arrive in unusual numbers, and until when the form asks for a proof of work.
    attacked_since: Mapped[datetime | None]
    attacked_until: Mapped[datetime | None]
    # When what it asks for was granted, if it was.
    won_at: Mapped[datetime | None]
    opens_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    # When its signatures were handed over to whom it is for, if they were.
    handed_over_at: Mapped[datetime | None]
    # Months after its closing until its signatures are anonymised; None for the setting. Since when they are.
    retention_months: Mapped[int | None]
    anonymised_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Links to the draft of an earlier generation are void.
    draft_link_generation: Mapped[int] = mapped_column(default=0, server_default="0")
    # Whether it ever had partners: without, nothing looks for them.
    has_partners: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Incremented by every change, for the optimistic lock.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    texts: Mapped[dict[str, "PetitionText"]] = relationship(
        lazy="selectin",
        order_by="PetitionText.language",
        collection_class=attribute_keyed_dict("language"),
        cascade="all, delete-orphan",
    )

    __table_args__ = (
        CheckConstraint(f"state IN {PETITION_STATES}", name="state"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"listing IN {LISTINGS}", name="listing"),
        CheckConstraint(f"disposable_addresses IN {DISPOSABLE_POLICIES}", name="disposable_addresses"),
        CheckConstraint(f"challenge IN {CHALLENGE_POLICIES}", name="challenge"),
    )

    @property
    def closing_moment(self) -> datetime | None:
        """The earlier of the moment the team closed it and its closing date."""
        moments = [moment for moment in (self.closed_at, self.closes_at) if moment]
        return min(moments) if moments else None

    @property
    def state_now(self) -> str:
        """The state in force, which follows the opening and closing dates to the second."""
        now, closing = clock.now(), self.closing_moment
        if self.state == PetitionState.ARCHIVED:
            return PetitionState.ARCHIVED
        opened = self.state != PetitionState.DRAFT or (self.opens_at is not None and self.opens_at <= now)
        if opened and closing is not None and closing <= now:
            return PetitionState.CLOSED
        return PetitionState.OPEN if self.state == PetitionState.DRAFT and opened else self.state

    @property
    def is_open(self) -> bool:
        """Whether it can be signed now."""
        return self.state_now == PetitionState.OPEN

    @property
    def is_attacked(self) -> bool:
        """Whether unconfirmed signatures arrive in unusual numbers (`signatures.abuse.attacks`)."""
        return self.attacked_until is not None and clock.now() < self.attacked_until

    @property
    def asks_challenge(self) -> bool:
        """Whether who signs now must do a proof of work."""
        return self.challenge == ChallengePolicy.ON or (
            self.challenge == ChallengePolicy.AUTOMATIC and self.is_attacked
        )

    @property
    def people_can_confirm(self) -> bool:
        """Whether confirmation links work: while open, and for `CONFIRMATION_GRACE_PERIOD` after closing."""
        if self.is_open:
            return True
        closing = self.closing_moment
        return (
            self.state_now == PetitionState.CLOSED
            and closing is not None
            and clock.now() < closing + CONFIRMATION_GRACE_PERIOD
        )

    def text_in(self, language: str) -> "PetitionText":
        """Return the text in this language, else in the default language."""
        return self.texts.get(language) or self.texts[self.default_language]

    def titled_text_in(self, language: str) -> "PetitionText":
        """Return the text in this language if it has a title, as a draft's may not, else in the default language."""
        text = self.text_in(language)
        return text if text.title else self.texts[self.default_language]


class PetitionText(Model):
    """A petition's text in one language."""

    __tablename__ = "petition_texts"

    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(5), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(String(600))
    body: Mapped[str] = mapped_column(Text)
    addressee: Mapped[str] = mapped_column(String(200))
    professions: Mapped[list[str]] = mapped_column(ARRAY(String(120)), server_default=text("'{}'"))
    # The campaign's own words beside ours; empty for none. Paragraphs of the email that asks to confirm.
    email_intro: Mapped[str] = mapped_column(String(600), default="", server_default="")
    email_closing: Mapped[str] = mapped_column(String(600), default="", server_default="")
    # Markdown, on the page after confirming.
    thanks: Mapped[str] = mapped_column(String(4000), default="", server_default="")
    # What the box for updates says, and the version of the petition that it is of.
    consent: Mapped[str] = mapped_column(String(400), default="", server_default="")
    consent_version: Mapped[int] = mapped_column(default=0, server_default="0")
    # What signers are suggested to write when they pass it on; the title where it is empty.
    share_text: Mapped[str] = mapped_column(String(240), default="", server_default="")


class PetitionImage(Model):
    """An image in the text of a petition; its name is a digest of its content, and its size."""

    __tablename__ = "petition_images"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    alt: Mapped[str] = mapped_column(String(300))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("petition_id", "name", name="uq_petition_images_petition_id"),
        Index("ix_petition_images_name", "name"),
    )
