"""Fix the audience: one delivery row for each recipient, in one statement, each with the moment it may leave."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, String, case, cast, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from petition.core.db import db
from petition.delivery.models import Delivery, DeliveryState
from petition.delivery.queues import MAILINGS
from petition.delivery.wakeup import wake_after_commit
from petition.mailings.audience.segment import consent_conditions, segment_conditions, segment_from_dict
from petition.mailings.audience.send_rate import add_seconds, send_delay_seconds
from petition.mailings.models import MAILING_KIND, Mailing
from petition.signatures.models import Signature

STATEMENT_TIMEOUT = "600s"  # of the one statement that reads an audience of millions
SORT_WORK_MEM = "64MB"  # for each of its sorts, which would be written to a disk beyond
DELIVERY_COLUMNS = ("kind", "queue", "petition_id", "subject_id", "generation", "mailing_id", "state", "attempt", "domain",
           "next_attempt_at")  # fmt: skip


def materialise_audience(mailing: Mailing, first_at: datetime) -> int:
    """Owe the mailing to everyone in its audience who is not owed it yet, the first at `first_at`; returns how many.

    A signer of several petitions is owed one, and so is an address that a person and an organisation share. Flushes.
    The caller holds the mailing's lock: two at once would owe the same, and the second fails whole.
    """
    db.session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    db.session.execute(text(f"SET LOCAL work_mem = '{SORT_WORK_MEM}'"))
    rows = insert(Delivery).from_select(DELIVERY_COLUMNS, _select_recipients(mailing, first_at))
    frozen = db.session.execute(rows, execution_options={"preserve_rowcount": True})
    # Every connection keeps the plans that it made for a smaller table until the statistics say that it has grown:
    # meanwhile each confirmation would read all of the rows that were just added.
    db.session.execute(text("ANALYZE deliveries"))
    wake_after_commit(MAILINGS.name)
    return int(getattr(frozen, "rowcount", 0))


def recipient_domain(signature: Any) -> Any:
    """Return the domain that mail to a signer goes to, as DNS has it, as SQL."""
    # As typed, which is what is mailed; the canonical address where the typed one is not in DNS's own letters.
    plain = func.octet_length(signature.email) == func.length(signature.email)
    address = case((plain, func.lower(signature.email)), else_=signature.email_canonical)
    return func.substring(address, "[^@]*$")


def _select_recipients(mailing: Mailing, first_at: datetime) -> Select[Any]:
    """Return a row for each address: of its first signature that agreed, in an order that tells nothing."""
    chosen = (
        select(Signature.id, Signature.petition_id, recipient_domain(Signature).label("domain"))
        .where(
            *segment_conditions(segment_from_dict(mailing.segment), mailing.timezone),
            *consent_conditions(),
            ~_already_enqueued(mailing.id),
        )
        .ext(distinct_on(Signature.email_canonical))
        .order_by(Signature.email_canonical, Signature.id)
        .subquery()
    )
    place = func.row_number().over(order_by=func.hashint8(chosen.c.id)) - 1
    in_domain = func.row_number().over(partition_by=chosen.c.domain, order_by=func.hashint8(chosen.c.id)) - 1
    return select(
        literal(MAILING_KIND), literal(MAILINGS.name), chosen.c.petition_id, chosen.c.id, literal(mailing.id, BigInteger),
        literal(mailing.id, BigInteger), literal(DeliveryState.DUE), literal(0), cast(chosen.c.domain, String(255)),
        add_seconds(first_at, send_delay_seconds(mailing, place, in_domain)),
    )  # fmt: skip


def _already_enqueued(mailing_id: int) -> Any:
    """Return the condition that the signer's address is owed this mailing already."""
    same = aliased(Signature)
    return (
        select(Delivery.id)
        .join(same, same.id == Delivery.subject_id)
        .where(Delivery.mailing_id == mailing_id, same.email_canonical == Signature.email_canonical)
        .exists()
    )
