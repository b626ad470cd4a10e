"""Limits of attempts to sign in: counted in PostgreSQL by account and network, before a secret is checked.

A subject is an address as accounts are found by, whether or not it has one, so that both are limited alike. A person
from another network is not stopped by the failures of this one. What many networks do together is bounded too, and
stops only networks where the account has not been used (OWASP, "Blocking Brute Force Attacks", device cookies).
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from werkzeug.exceptions import TooManyRequests

from petition.core import clock
from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.core.logging import current_request_id
from petition.team import queries
from petition.team.models import Account, SignInAttempt

RECENT = timedelta(minutes=15)
MAX_RECENT_ATTEMPTS = 10  # from one network
DAY = timedelta(days=1)
MAX_DAILY_ATTEMPTS = 100  # from one network (NIST SP 800-63B, 5.2.2)
MAX_DAILY_STRANGE_ATTEMPTS = 50  # from all networks together where the account has not been used
NETWORK_RETENTION = timedelta(days=90)  # a network counts as used for so long


class TooManyAttempts(TooManyRequests):
    """The limit of attempts on one account is reached: 429, with the seconds until the next is admitted."""


def _subject_hashes(address: str) -> list[str]:
    return keyed_hashes("sign-in", address)


def begin_attempt(address: str, networks: Sequence[str]) -> int:
    """Count an attempt on an address, commit, and return its id. Raises `TooManyAttempts`.

    `address`: as `accounts.normalize_address` returns it. `networks`: keyed hashes of the client's network, the current
    key first. Counted before the secret is checked, so that attempts at once are all counted. Where the count cannot be
    read, the database's error is raised, and nobody is signed in.
    """
    subjects, now = _subject_hashes(address), clock.now()
    db.session.execute(queries.LOCK_SUBJECT, {"subject": subjects[0]})
    counts = db.session.execute(
        queries.COUNT_ATTEMPTS,
        {"subjects": subjects, "networks": list(networks), "recently": now - RECENT, "day_ago": now - DAY},
    ).one()
    for reached, since, window in (
        (counts.recent >= MAX_RECENT_ATTEMPTS, counts.recent_since, RECENT),
        (counts.today >= MAX_DAILY_ATTEMPTS, counts.today_since, DAY),
        (counts.strange >= MAX_DAILY_STRANGE_ATTEMPTS and not counts.is_known, counts.strange_since, DAY),
    ):
        if reached:
            db.session.rollback()  # releases the lock
            raise TooManyAttempts(retry_after=_seconds_until(since + window, now))
    values = {"subject": subjects[0], "network": networks[0], "now": now}
    attempt = int(db.session.execute(queries.INSERT_ATTEMPT, values).scalar_one())
    db.session.commit()
    return attempt


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(1, math.ceil((moment - now).total_seconds()))


def finish_attempt(attempt: int, *, succeeded: bool, account: Account | None) -> None:
    """Record the result of an attempt, and commit: what succeeded no longer counts, a failure is in the audit trail.

    Runs as many statements without an account as with one, so that response time does not reveal which it was.
    """
    this = SignInAttempt.id == attempt
    if succeeded:
        db.session.execute(delete(SignInAttempt).where(this))
    else:
        db.session.execute(update(SignInAttempt).where(this).values(failed=True))
        values = {"account_id": account.id if account else None, "request_id": current_request_id()}
        db.session.execute(queries.INSERT_FAILURE_EVENT, values)
    db.session.commit()


def remember_network(account: Account, networks: Sequence[str]) -> None:
    """Note that an account is used from a network: strangers' attempts no longer stop it there. Flushes."""
    values = {"subject": _subject_hashes(account.email)[0], "network": networks[0], "now": clock.now()}
    db.session.execute(queries.UPSERT_NETWORK, values)


def delete_old() -> None:
    """Delete the attempts and networks that no longer count. Does not commit."""
    now = clock.now()
    db.session.execute(queries.DELETE_OLD_ATTEMPTS, {"before": now - DAY})
    db.session.execute(queries.DELETE_OLD_NETWORKS, {"before": now - NETWORK_RETENTION})
