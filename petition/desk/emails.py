"""Compose the alerts to the team."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.desk.alerts import TEAM_ALERT
from petition.desk.models import TeamAlert
from petition.team.emails import AUTO_SUBMITTED_HEADERS, site_name
from petition.team.models import Account


def compose_team_alert(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose alerts, but none to who left, or switched it off meanwhile."""
    query = select(TeamAlert, Account).join(Account, Account.id == TeamAlert.account_id)
    rows = db.session.execute(query.where(TeamAlert.id.in_([claim.subject_id for claim in claims])))
    found = {alert.id: (alert, account) for alert, account in rows}
    public_url = current_app.config["PUBLIC_URL"]
    site = site_name()
    messages: Composed = {}
    for claim in claims:
        messages[claim.id] = Skipped()
        alert, account = found.get(claim.subject_id, (None, None))
        if alert and account and account.active and alert.kind not in account.alerts_off:
            messages[claim.id] = render_message(
                TEAM_ALERT, account.language, account.email, site, headers=AUTO_SUBMITTED_HEADERS, kind=alert.kind,
                day=date.fromisoformat(alert.data["day"]) if "day" in alert.data else None,
                data=alert.data, troubles=_list_troubles(alert, account.language), url=public_url, site=site,
                signature=account, due_on=_parse_day(alert.data.get("due_on")),
                since=datetime.fromisoformat(alert.data["since"]) if "since" in alert.data else None,
                petition={"title": site, "sender_name": site, "url": f"{public_url}/desk/"},
            )  # fmt: skip
    return messages


def _parse_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _list_troubles(alert: TeamAlert, language: str) -> list[dict[str, Any]]:
    """Return what is wrong, then what is over, with its message in the reader's language."""
    troubles = [
        {**trouble, "message": trouble["messages"].get(language) or trouble["messages"]["en"]}
        for trouble in alert.data.get("troubles", [])
    ]
    return sorted(troubles, key=lambda trouble: trouble["minutes"] is not None)
