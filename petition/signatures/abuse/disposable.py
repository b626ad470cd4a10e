"""What a petition does with addresses at disposable domains: its policy is `Petition.disposable_addresses`."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.petitions.models import DisposablePolicy, Petition
from petition.safeguards.disposable_domains import is_disposable
from petition.safeguards.email_addresses import Address
from petition.signatures.models import Signature, SignatureState

BATCH_SIZE = 2_000
# What is confirmed becomes visible when it is committed, a moment after the time that it bears.
MAX_COMMIT_DELAY = timedelta(seconds=10)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def find_policy_error(petition: Petition, address: Address) -> str | None:
    """Return why an address cannot sign, and what to do; None if it can. Looks at the domain alone, for everybody."""
    if petition.disposable_addresses != DisposablePolicy.REFUSE or not is_disposable(address.canonical):
        return None
    return _(
        "Addresses at %(domain)s are thrown away after use, and cannot sign this. Please write one that you keep: it "
        "is never published.",
        domain=address.typed.rpartition("@")[2],
    )


def set_aside(quarantine: Callable[[Sequence[int]], object]) -> None:
    """Quarantine the confirmed signatures with disposable addresses, of petitions that say so. Commits.

    Each confirmation is looked at once, some seconds after it: what the team released stays released. `quarantine` is
    called with ids, and does not commit.
    """
    query = select(Petition).where(Petition.disposable_addresses == DisposablePolicy.QUARANTINE).order_by(Petition.id)
    for petition in db.session.scalars(query).all():
        while _check_batch(petition, quarantine):
            pass


def _check_batch(petition: Petition, quarantine: Callable[[Sequence[int]], object]) -> bool:
    """Look at the next confirmations of a petition; return whether there may be more. Commits."""
    end = clock.now() - MAX_COMMIT_DELAY
    since = petition.disposable_checked_at or BEGINNING
    query = (
        select(Signature.id, Signature.email_canonical, Signature.confirmed_at)
        .where(
            Signature.petition_id == petition.id,
            Signature.state == SignatureState.CONFIRMED,
            Signature.confirmed_at > since,
            Signature.confirmed_at <= end,
        )
        .order_by(Signature.confirmed_at)
        .limit(BATCH_SIZE)
    )
    rows = db.session.execute(query).all()
    if ids := [row.id for row in rows if is_disposable(row.email_canonical)]:
        quarantine(ids)
    # At the end of a whole batch others may have been confirmed at the same microsecond: they are read again.
    is_whole = len(rows) == BATCH_SIZE and rows[-1].confirmed_at > rows[0].confirmed_at
    petition.disposable_checked_at = rows[-1].confirmed_at - timedelta(microseconds=1) if is_whole else end
    db.session.commit()
    return is_whole
