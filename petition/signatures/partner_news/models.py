"""The table of consents to the news of partners."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class PartnerConsent(Model):
    """A signer's consent to the news of one partner of the petition, until it ended. Ended ones are kept as proof.

    It holds while the signature is confirmed, the partnership goes on, and `ended_at` is empty.
    """

    __tablename__ = "partner_consents"

    id: Mapped[int] = identity_column()
    signature_id: Mapped[int] = mapped_column(ForeignKey("signatures.id", ondelete="CASCADE"))
    partnership_id: Mapped[int] = mapped_column(ForeignKey("partnerships.id", ondelete="CASCADE"))
    # Without a foreign key, as `Signature.updates_wording_id`.
    wording_id: Mapped[int]
    agreed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_partner_consents_current",
            "partnership_id",
            "signature_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_partner_consents_signature", "signature_id"),
    )
