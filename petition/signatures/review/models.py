"""How often readers reported names."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model


class ReportReason(StrEnum):
    """Why a reader says that a name should not be in the public list."""

    IMPERSONATION = "impersonation"
    OFFENSIVE = "offensive"
    ADVERTISING = "advertising"


REPORT_REASONS = tuple(member.value for member in ReportReason)


class NameReport(Model):
    """How many readers reported a name for one reason since the team last decided about it. Nothing of the readers."""

    __tablename__ = "name_reports"

    signature_id: Mapped[int] = mapped_column(
        ForeignKey("signatures.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    reason: Mapped[str] = mapped_column(String(20), primary_key=True)
    reports: Mapped[int] = mapped_column(default=1)

    __table_args__ = (CheckConstraint(f"reason IN {REPORT_REASONS}", name="reason"),)
