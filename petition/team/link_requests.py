"""Requests for a link to choose a password: recorded for any address, and processed by a worker.

A request is answered before it is known whether its address has an account, so that time does not reveal it.
"""

from datetime import timedelta

from sqlalchemy import exists, select

from petition.core import clock
from petition.core.db import db, run_after_commit
from petition.core.exceptions import ValidationError
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake
from petition.safeguards.email_addresses import BadAddress
from petition.team import accounts, audit, links, queries
from petition.team.models import Account, LinkRequest, SignInIdentity

TASK_NAME = "petition.team.tasks.run_link_requests"
BATCH_SIZE = 100
LINKS_WINDOW = timedelta(hours=1)
MAX_LINKS = 3  # emails with a link to one account within the window; more are dropped


def record_request(address: str) -> None:
    """Record a request for an address, which need not have an account. Flushes. Raises `ValidationError`."""
    try:
        email = accounts.normalize_address(address)
    except BadAddress:
        raise ValidationError({"address": accounts.invalid_address_message()}) from None
    db.session.add(LinkRequest(address=email))
    db.session.flush()
    run_after_commit(TASK_NAME, _wake_worker)


def _wake_worker() -> None:
    wake(MAINTENANCE, TASK_NAME, args=())


def process_requests() -> int:
    """Enqueue the links that were asked for, and return how many requests there were. Commits.

    A link that is valid and unused is mailed again instead of being replaced: whoever asks in somebody's name can
    neither void the link that they are about to use, nor send them more than `MAX_LINKS`.
    """
    taken = 0
    while addresses := db.session.scalars(queries.TAKE_LINK_REQUESTS, {"batch_size": BATCH_SIZE}).all():
        taken += len(addresses)
        # Who has no password but signs in by the provider gets none by their mailbox: the provider decides.
        by_provider = exists().where(SignInIdentity.account_id == Account.id) & Account.password.is_(None)
        query = select(Account).where(Account.email.in_(sorted(set(addresses))), Account.active, ~by_provider)
        asking = list(db.session.scalars(query.order_by(Account.id).with_for_update()))
        values = {"account_ids": [str(account.id) for account in asking], "since": clock.now() - LINKS_WINDOW}
        limited = set(db.session.scalars(queries.SELECT_ACCOUNTS_WITH_LINKS, {**values, "max_links": MAX_LINKS}).all())
        for account in asking:
            if account.id not in limited:
                links.enqueue_link(account)
                audit.record("link.asked", "account", account.id, actor=account.email)
        db.session.commit()
    db.session.rollback()
    return taken
