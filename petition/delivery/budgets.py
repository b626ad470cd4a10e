"""Budgets: how many emails a mailbox, and a small domain, is sent, over all petitions and for whatever reason.

Strangers can have emails sent to an address: by signing with it, in many spellings, for a person or an organisation,
over and over. The budgets bound their sum where emails leave. Kinds that strangers cannot cause are not counted
(`register_composer`).
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from limits import parse
from sqlalchemy import delete, func

from petition.core.db import autocommit_connection, db
from petition.core.hashing import keyed_hashes
from petition.delivery.models import DeliveryState, EmailBudget
from petition.delivery.queries import RESERVE_EMAILS
from petition.delivery.smtp.responses import Outcome
from petition.safeguards.email_addresses import canonicalize_mailbox
from petition.safeguards.mail_providers import find_small_domain

MAILBOX_BUDGET, DOMAIN_BUDGET = "mailbox budget", "domain budget"  # causes of a failure
BEYOND_MAILBOX = Outcome(
    DeliveryState.FAILED, reason="this mailbox has had its emails of the day", cause=MAILBOX_BUDGET, attempted=False
)
BEYOND_DOMAIN = Outcome(
    DeliveryState.FAILED, reason="this domain has had its emails of the day", cause=DOMAIN_BUDGET, attempted=False
)


class Budget(NamedTuple):
    """How many emails fit into a window, which starts with the first."""

    emails: int
    window: timedelta


@lru_cache(maxsize=16)
def _parse_budget(text: str) -> Budget:
    limit = parse(text)
    return Budget(limit.amount, timedelta(seconds=limit.get_expiry()))


def reserve_emails(addresses: Mapping[int, str]) -> dict[int, Outcome]:
    """Count emails, each with its recipient, against the budgets; return the outcome of those that are beyond one.

    In the order given: the first fit. One statement, autocommitted, whose counts survive whatever becomes of the
    emails. A domain is charged for what its mailboxes' budgets let through, so that a flood to one mailbox takes the
    links of nobody else there.
    """
    if not addresses:
        return {}
    keys = {id: _make_keys(address) for id, address in addresses.items()}
    wanted: dict[tuple[str, str | None], int] = {}
    for key in keys.values():
        wanted[key] = wanted.get(key, 0) + 1
    mailbox_budget = _parse_budget(current_app.config["PETITION_MAILBOX_LIMIT"])
    domain_budget = _parse_budget(current_app.config["PETITION_DOMAIN_LIMIT"])
    parameters = {
        "mailboxes": [mailbox for mailbox, _ in wanted],
        "domains": [domain for _, domain in wanted],
        "wanted": list(wanted.values()),
        "mailbox_limit": mailbox_budget.emails,
        "mailbox_window": mailbox_budget.window,
        "domain_limit": domain_budget.emails,
        "domain_window": domain_budget.window,
    }
    with autocommit_connection() as connection:
        left: dict[str, int] = {row.key_hash: row.granted for row in connection.execute(RESERVE_EMAILS, parameters)}
    return {id: outcome for id, key in keys.items() if (outcome := _spend(left, *key))}


def _make_keys(address: str) -> tuple[str, str | None]:
    """Return the keyed hashes of a mailbox and of its domain, None for a large provider."""
    mailbox = canonicalize_mailbox(address)
    domain = find_small_domain(mailbox.rpartition("@")[2])
    return keyed_hashes("mailbox budget", mailbox)[0], keyed_hashes("domain budget", domain)[0] if domain else None


def _spend(left: dict[str, int], mailbox: str, domain: str | None) -> Outcome | None:
    if left[mailbox] == 0:
        return BEYOND_MAILBOX
    left[mailbox] -= 1
    if domain is None:
        return None
    if left[domain] == 0:
        return BEYOND_DOMAIN
    left[domain] -= 1
    return None


def delete_expired() -> None:
    """Delete the budgets whose windows are long over. Flushes, does not commit."""
    budgets = [_parse_budget(current_app.config[name]) for name in ("PETITION_MAILBOX_LIMIT", "PETITION_DOMAIN_LIMIT")]
    oldest = func.now() - 2 * max(budget.window for budget in budgets)
    statement = delete(EmailBudget).where(EmailBudget.started_at < oldest)
    db.session.execute(statement.execution_options(synchronize_session=False))
