"""Emails to members of the team: the links of invitations and new passwords, and changes of how they sign in."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale, format_datetime
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import format_date_text
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.team.credentials import CREDENTIALS_CHANGED
from petition.team.invitations import find_inviters
from petition.team.labels import credential_change_labels, list_roles_with_descriptions
from petition.team.links import LINK_TTL, invitation_url
from petition.team.models import Account, AuditEvent

AUTO_SUBMITTED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def _compose(claims: Sequence[ClaimedDelivery], kind: str) -> Composed:
    query = select(Account).where(Account.id.in_([claim.subject_id for claim in claims]))
    accounts = {account.id: account for account in db.session.scalars(query)}
    site = site_name()
    inviters = find_inviters(accounts)
    messages: Composed = {}
    for claim in claims:
        account = accounts.get(claim.subject_id)
        messages[claim.id] = Skipped()
        # A newer email has replaced this one, or its link has been used.
        if account and account.active and account.links_mailed == claim.generation:
            with force_locale(account.language):
                roles = list_roles_with_descriptions(account.role_names)
            messages[claim.id] = render_message(
                kind, account.language, account.email, site, headers=AUTO_SUBMITTED_HEADERS,
                link=invitation_url(account), days=LINK_TTL.days, site=site, petition=_layout_context(site),
                signature=account, inviter=inviters.get(account.id, ""), roles=roles,
            )  # fmt: skip
    return messages


def site_name() -> str:
    """Return who runs the site, as emails to the team say: the organisation, else the host name."""
    organisation: str | None = current_app.config["PETITION_ORGANISATION"]
    return organisation or urlsplit(current_app.config["PUBLIC_URL"]).hostname or ""


def _layout_context(site: str) -> dict[str, str]:
    """Return the values that the emails' layout shows for a petition, for the site as a whole."""
    return {"title": site, "sender_name": site, "url": f"{current_app.config['PUBLIC_URL']}/account/"}


def compose_team_invitation(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose invitations to the team."""
    return _compose(claims, "team_invitation")


def compose_team_password(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose emails with a link to choose a new password."""
    return _compose(claims, "team_password")


def compose_credentials_changed(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose emails about a change of how an account is signed in to. Without a link that acts."""
    query = select(AuditEvent).where(AuditEvent.id.in_([claim.subject_id for claim in claims]))
    events = {event.id: event for event in db.session.scalars(query)}
    owners = select(Account).where(Account.id.in_([int(event.subject_id or 0) for event in events.values()]))
    accounts = {str(account.id): account for account in db.session.scalars(owners)}
    site = site_name()
    messages: Composed = {}
    for claim in claims:
        event = events.get(claim.subject_id)
        account = accounts.get(event.subject_id or "") if event else None
        messages[claim.id] = Skipped()
        if event and account:
            with force_locale(account.language):
                change = credential_change_labels()[event.action]
                day, time = format_date_text(event.at.date()), format_datetime(event.at, "HH:mm 'UTC'", rebase=False)
            messages[claim.id] = render_message(
                CREDENTIALS_CHANGED, account.language, account.email, site, headers=AUTO_SUBMITTED_HEADERS,
                change=change, moment=f"{day}, {time}", site=site, petition=_layout_context(site), signature=account,
            )  # fmt: skip
    return messages
