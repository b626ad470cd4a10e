"""The emails to members of the team: a link to come in by."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.delivery.compose import Claimed, Composed, Unwanted, composes, write
from petition.team.accounts import INVITATION, LINK_LASTS, PASSWORD, link
from petition.team.models import Account

AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def _write(claims: Sequence[Claimed], name: str) -> Composed:
    wanted = select(Account).where(Account.id.in_([claim.subject_id for claim in claims]))
    found = {account.id: account for account in db.session.scalars(wanted)}
    site = urlsplit(current_app.config["PUBLIC_URL"]).hostname or ""
    letters: Composed = {}
    for claim in claims:
        account = found.get(claim.subject_id)
        letters[claim.id] = Unwanted()
        # An older link is void: its email would only confuse.
        if account and account.active and account.link_generation == claim.generation:
            letters[claim.id] = write(
                name, account.language, account.email, site, headers=AUTOMATIC, link=link(account),
                days=LINK_LASTS.days, site=site, petition=_head(site), signature=account,
            )  # fmt: skip
    return letters


def _head(site: str) -> dict[str, str]:
    """Return what the emails' layout shows of a petition, for the site as a whole."""
    return {"title": site, "sender_name": site, "url": f"{current_app.config['PUBLIC_URL']}/account/"}


@composes(INVITATION)
def team_invitation(claims: Sequence[Claimed]) -> Composed:
    """Invite somebody to the team."""
    return _write(claims, "team_invitation")


@composes(PASSWORD)
def team_password(claims: Sequence[Claimed]) -> Composed:
    """Let a member choose a new password."""
    return _write(claims, "team_password")
