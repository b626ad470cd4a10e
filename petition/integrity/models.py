"""Clusters: signatures of a petition that have a domain, a mail server, a mailbox or a network in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from petition.core.db import Model, identity_column


class ClusterKind(StrEnum):
    """What the signatures of a cluster have in common."""

    DOMAIN = "domain"
    MAIL_SERVER = "mail_server"
    MAILBOX = "mailbox"
    NETWORK = "network"


class DetectionMode(StrEnum):
    """What the setting PETITION_INTEGRITY says: look for nothing, only note clusters, quarantine them."""

    OFF = "off"
    WATCH = "watch"
    HOLD = "hold"


CLUSTER_KINDS = tuple(member.value for member in ClusterKind)


class Signal(StrEnum):
    """What is improbable about a cluster, against what the petition's other signers do."""

    LARGE = "large"
    SCATTERED = "scattered"
    NEW_DOMAINS = "new_domains"
    SPELLINGS = "spellings"
    NAMES = "names"
    HURRIED = "hurried"
    ELSEWHERE = "elsewhere"
    COPIED = "copied"
    UNRELATED = "unrelated"
    SAME_BOXES = "same_boxes"
    REGULAR = "regular"
    TOGETHER = "together"


class IntegrityCluster(Model):
    """One cluster as it was noted last: how many signatures, and which signals speak for and against it.

    `key`: the domain, the mail server's domain, or the keyed hash of a mailbox or a network.
    """

    __tablename__ = "integrity_clusters"

    id: Mapped[int] = identity_column()
    petition_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(255))
    signatures: Mapped[int]
    confirmed: Mapped[int]
    share: Mapped[float] = mapped_column(Double)  # of the petition's signatures in the window, 0 to 1
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    # Signal → [observed, expected], as shares or counts.
    signals: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sample: Mapped[list[int]] = mapped_column(JSONB)  # a few ids of signatures
    held_at: Mapped[datetime | None]
    ignored_at: Mapped[datetime | None]
    ignored_because: Mapped[str | None] = mapped_column(String(200))
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("petition_id", "kind", "key"),
        CheckConstraint(f"kind IN {CLUSTER_KINDS}", name="kind"),
    )
