"""Emails to members of the team: the links of invitations and new passwords."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.team.accounts import LINK_TTL, invitation_url
from petition.team.models import Account

AUTO_SUBMITTED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def _compose(claims: Sequence[ClaimedDelivery], kind: str) -> Composed:
    query = select(Account).where(Account.id.in_([claim.subject_id for claim in claims]))
    accounts = {account.id: account for account in db.session.scalars(query)}
    site = urlsplit(current_app.config["PUBLIC_URL"]).hostname or ""
    messages: Composed = {}
    for claim in claims:
        account = accounts.get(claim.subject_id)
        messages[claim.id] = Skipped()
        # A newer link has replaced this one: its email would be of no use.
        if account and account.active and account.link_generation == claim.generation:
            messages[claim.id] = render_message(
                kind, account.language, account.email, site, headers=AUTO_SUBMITTED_HEADERS,
                link=invitation_url(account), days=LINK_TTL.days, site=site, petition=_layout_context(site),
                signature=account,
            )  # fmt: skip
    return messages


def _layout_context(site: str) -> dict[str, str]:
    """Return the values that the emails' layout shows for a petition, for the site as a whole."""
    return {"title": site, "sender_name": site, "url": f"{current_app.config['PUBLIC_URL']}/account/"}


def compose_team_invitation(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose invitations to the team."""
    return _compose(claims, "team_invitation")


def compose_team_password(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose emails with a link to choose a new password."""
    return _compose(claims, "team_password")
