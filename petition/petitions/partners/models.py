"""The tables of partners: organisation, its members, the petitions that it shares."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from petition.core.db import Model, identity_column
from petition.petitions.models import Petition


class PartnerRole(StrEnum):
    """What the members of a partner may do with a petition; `GRANTS` says what each role includes."""

    OWNER = "owner"
    EDITOR = "editor"
    SENDER = "sender"
    VIEWER = "viewer"


PARTNER_ROLES = tuple(role.value for role in PartnerRole)
# By what a page asks for: the roles that may.
GRANTS: dict[PartnerRole, tuple[str, ...]] = {
    PartnerRole.OWNER: ("owner",),
    PartnerRole.EDITOR: ("owner", "editor"),
    PartnerRole.SENDER: ("owner", "sender"),
    PartnerRole.VIEWER: PARTNER_ROLES,
}


class Partner(Model):
    """An organisation that shares petitions with the team, and writes to those who agreed to its news.

    `key` is in `?via=`. Without `from_address` its mailings come from the site's address, under its name.
    """

    __tablename__ = "partners"

    id: Mapped[int] = identity_column()
    key: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    from_address: Mapped[str | None] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PartnerMember(Model):
    """An account that acts for a partner."""

    __tablename__ = "partner_members"

    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)


class Partnership(Model):
    """A partner's part in a petition, from when it joined until it left; joining again makes another row.

    Consents belong to it, so that those to a partner who left are void at once, and stay so.
    """

    __tablename__ = "partnerships"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int] = mapped_column(ForeignKey("petitions.id", ondelete="CASCADE"))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(10))
    # By language: what the box for the partner's news says; ours where it is empty.
    texts: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    joined_at: Mapped[datetime] = mapped_column(server_default=func.now())
    left_at: Mapped[datetime | None]
    partner: Mapped[Partner] = relationship(lazy="joined", innerjoin=True)
    petition: Mapped[Petition] = relationship()

    __table_args__ = (
        CheckConstraint(f"role IN {PARTNER_ROLES}", name="role"),
        Index(
            "ix_partnerships_current",
            "petition_id",
            "partner_id",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
    )
