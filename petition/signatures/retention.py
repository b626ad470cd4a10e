"""Delete what must not be kept for longer.

What is restricted (GDPR, article 18) is stored and nothing else until that is lifted: it is not deleted.
"""

from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Delete, Update, case, delete, select, update

from petition.core import clock
from petition.core.db import db
from petition.petitions.models import Petition
from petition.signatures.confirm import ERASED_DETAILS
from petition.signatures.models import Signature, SignatureState

NETWORK_MAX_AGE = timedelta(days=365)  # of a network hash, while its petition stays open
DISOWNED_TTL = timedelta(days=30)  # the details of one that was confirmed, for the team to restore it
BATCH_SIZE = 500


def delete_expired() -> int:
    """Delete a batch of signatures that nobody confirmed within `CONFIRM_WITHIN` days of the last request.

    Flushes, does not commit. Returns how many: call again until it is none.
    """
    oldest = clock.now() - timedelta(days=current_app.config["CONFIRM_WITHIN"])
    batch = _lock_batch(Signature.state == SignatureState.PENDING, Signature.requested_at < oldest)
    return _execute(delete(Signature).where(Signature.id.in_(batch)))


def erase_expired_networks() -> int:
    """Erase a batch of network hashes: `PETITION_KEEP_NETWORKS` days after the petition closed, or after a year.

    Flushes, does not commit. Returns how many: call again until it is none.
    """
    now = clock.now()
    closed_before = now - timedelta(days=current_app.config["PETITION_KEEP_NETWORKS"])
    petitions = db.session.scalars(select(Petition)).all()
    is_over = {p.id: p.closing_moment is not None and p.closing_moment < closed_before for p in petitions}
    return _erase_networks([id for id, over in is_over.items() if over], now) or _erase_networks(
        [id for id, over in is_over.items() if not over], now - NETWORK_MAX_AGE
    )


def _erase_networks(petition_ids: list[int], before: datetime) -> int:
    """Erase the network hashes of these petitions that were requested before a moment, by the index on both."""
    batch = _lock_batch(
        Signature.network.is_not(None), Signature.petition_id.in_(petition_ids), Signature.requested_at < before
    )
    erased = {"network": None, "confirmed_same_network": None, "held_at": None}
    return _execute(update(Signature).where(Signature.id.in_(batch)).values(erased))


def erase_disowned() -> int:
    """Erase the details of a batch of signatures that were disowned, once nobody can take them back.

    That is after `DISOWNED_TTL` for one that was confirmed, which the team can restore, else after the life of a link.
    Flushes, does not commit. Returns how many: call again until it is none.
    """
    now = clock.now()
    links_end = now - timedelta(days=current_app.config["CONFIRM_WITHIN"])
    is_disowned = (Signature.state == SignatureState.DISOWNED, Signature.email != "")
    confirmed = Signature.confirmed_at.is_not(None)
    batch = _lock_batch(*is_disowned, Signature.ended_at < case((confirmed, now - DISOWNED_TTL), else_=links_end))
    return _execute(update(Signature).where(Signature.id.in_(batch), *is_disowned).values(**ERASED_DETAILS))


def _lock_batch(*conditions: ColumnElement[bool]) -> Any:
    query = select(Signature.id).where(*conditions, Signature.restricted_at.is_(None)).limit(BATCH_SIZE)
    return query.with_for_update(skip_locked=True).scalar_subquery()


def _execute(statement: Delete | Update) -> int:
    result = db.session.execute(statement.execution_options(synchronize_session=False))
    return int(getattr(result, "rowcount", 0))
