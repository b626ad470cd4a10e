"""What was asked for and waits for a worker or its asker: requests, new addresses, tried codes, used challenges."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class SignRequest(Model):
    """A submitted form that waits for a worker, who makes a signature of it or refreshes the one that exists.

    No statement of the request depends on whether there is one, so that response time does not reveal who signed.
    """

    __tablename__ = "sign_requests"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int]
    party: Mapped[str] = mapped_column(String(12))
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
    passed_on: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    passed_on_wording_id: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(20))
    network: Mapped[str | None] = mapped_column(String(32))
    request_id: Mapped[str | None] = mapped_column(String(32))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Of one that could not be processed: not before then.
    retry_at: Mapped[datetime | None]
    review: Mapped[str | None] = mapped_column(String(10))
    named_when: Mapped[str | None] = mapped_column(String(12))
    named_from: Mapped[int | None]
    team_sees_name: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Of a petition with partners: the wording agreed to, by the number of the partnership whose box was ticked.
    partner_consents: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))


class AddressChange(Model):
    """A new address that a signer gave, and whether its owner confirmed it. Deleted once its link has expired."""

    __tablename__ = "address_changes"

    signature_id: Mapped[int] = mapped_column(
        ForeignKey("signatures.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    email: Mapped[str] = mapped_column(String(320))
    email_canonical: Mapped[str] = mapped_column(String(320))
    generation: Mapped[int] = mapped_column(BigInteger)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]


class CodeTries(Model):
    """How many codes were tried for one link, or for an address without a signature; under a keyed hash."""

    __tablename__ = "code_tries"

    key_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tries: Mapped[int] = mapped_column(SmallInteger)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_code_tries_started_at", "started_at"),)


class UsedChallenge(Model):
    """The number of a challenge whose solution was used, until the challenge expires (`challenges`)."""

    __tablename__ = "used_challenges"

    nonce: Mapped[str] = mapped_column(String(32), primary_key=True)
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_used_challenges_expires_at", "expires_at"),)


class ListRequest(Model):
    """An address that asked for the list of what it signed, whether or not it did. Deleted by the worker."""

    __tablename__ = "list_requests"

    id: Mapped[int] = identity_column()
    email_canonical: Mapped[str] = mapped_column(String(320))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
