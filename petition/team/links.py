"""The links with which a password is chosen: of an invitation, after a forgotten password, and of the first admin."""

import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import InvalidLink
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.team.models import Account

TEAM_INVITATION = "team_invitation"
TEAM_PASSWORD = "team_password"  # noqa: S105 - a kind of email
LINK_TTL = timedelta(days=7)
FIRST_ADMIN_ID = 0  # in the link that creates the first admin, who has no account yet


def enqueue_link(account: Account) -> None:
    """Enqueue an email with an account's link: an invitation, or a new password. Flushes.

    Replaces an email that still waits. The link is the same until it is used.
    """
    account.links_mailed = (account.links_mailed or 0) + 1
    db.session.flush()
    kind = TEAM_PASSWORD if account.password else TEAM_INVITATION
    enqueue(kind, NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=account.id, generation=account.links_mailed)])


def invitation_url(account: Account) -> str:
    """Return the link with which the owner of an account chooses a password, once."""
    return _link_url(tokens.make(TEAM_INVITATION, account.id, account.link_generation))


def first_admin_url() -> str | None:
    """Return the link that creates the first admin; None once there is any account."""
    if db.session.scalar(select(Account.id).limit(1)) is not None:
        return None
    return _link_url(tokens.make(TEAM_INVITATION, FIRST_ADMIN_ID, secrets.randbits(32)))


def _link_url(token: str) -> str:
    # Not by url_for, which needs a request: commands and workers print and mail these links.
    return f"{current_app.config['PUBLIC_URL']}/account/welcome/{token}"


def get_by_link(token: str) -> Account | None:
    """Return the account that a link is for, locked; None for the link of the first admin.

    Raises `InvalidLink` for a link that is malformed, expired, replaced or used.
    """
    try:
        account_id, generation = tokens.read(TEAM_INVITATION, token, LINK_TTL)
    except (tokens.BadToken, ValueError):
        raise InvalidLink from None
    if account_id == FIRST_ADMIN_ID:
        if first_admin_url() is None:
            raise InvalidLink
        return None
    account = db.session.get(Account, account_id, with_for_update=True)
    if account is None or not account.active or account.link_generation != generation:
        raise InvalidLink
    return account
