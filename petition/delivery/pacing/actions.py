"""What operators see of providers and set for them, and what is forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.delivery.pacing.models import MailProvider, ProviderState
from petition.delivery.pacing.paces import watched
from petition.delivery.pacing.queries import DELETE_OLD_DOMAINS, DELETE_OLD_PROVIDERS, LIST_PROVIDERS

RETENTION = timedelta(days=7)
MAX_LISTED, MAX_COUNTED = 50, 10_000
MAX_PER_HOUR, MAX_CONNECTIONS = 10_000_000, 1_000


@dataclass(frozen=True)
class ProviderPace:
    """A provider in trouble, limited, or that emails wait for. `pace`: emails an hour while it recovers."""

    name: str
    state: str
    since: datetime
    backoff_until: datetime | None
    strikes: int
    refused_at: datetime | None
    response: str | None
    reply_class: str | None
    pace: float | None
    per_hour: int | None
    max_connections: int | None
    set_by: str | None
    waiting: int  # emails, counted up to `MAX_COUNTED`

    def is_trying(self, now: datetime) -> bool:
        """Return whether its back-off is over, and single emails are tried."""
        return self.state == ProviderState.BACKING_OFF and self.backoff_until is not None and self.backoff_until <= now


def list_providers() -> Sequence[ProviderPace]:
    """Return the providers that are not mailed at full speed, those in trouble first, the longest first."""
    rows = db.session.execute(LIST_PROVIDERS, {"most": MAX_COUNTED, "limit": MAX_LISTED})
    return [ProviderPace(*row) for row in rows]


def set_limits(provider: str, per_hour: int | None, max_connections: int | None, by: str) -> None:
    """Limit a provider for good, or end a limit by None. Flushes, does not commit."""
    values = {"per_hour": per_hour, "max_connections": max_connections, "set_by": by}
    statement = insert(MailProvider).values(name=provider, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    watched.expire()


def try_now(provider: str) -> bool:
    """End the back-off from a provider: one email is tried within seconds; return whether there was one. Flushes."""
    rows = (
        db.session.query(MailProvider)
        .filter_by(name=provider, state=ProviderState.BACKING_OFF)
        .update({"backoff_until": func.now()}, synchronize_session=False)
    )
    watched.expire()
    return bool(rows)


def resume(provider: str) -> bool:
    """Mail a provider at full speed again, at once; return whether it was slowed down. Flushes."""
    rows = (
        db.session.query(MailProvider)
        .filter(MailProvider.name == provider, MailProvider.state != ProviderState.FLOWING)
        .update(
            {
                "state": ProviderState.FLOWING,
                "since": func.now(),
                "backoff_until": None,
                "pace": None,
                "suspicions": 0,
                "strikes": 0,
            },
            synchronize_session=False,
        )
    )
    watched.expire()
    return bool(rows)


def delete_old() -> None:
    """Forget providers that were in no trouble for a week, and domains that are to be looked up again. Flushes."""
    db.session.execute(DELETE_OLD_PROVIDERS, {"retention": RETENTION})
    db.session.execute(DELETE_OLD_DOMAINS)
