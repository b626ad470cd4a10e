"""Shared by all pages of the team: Bootstrap, the navigation, formats of times."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_bootstrap import Bootstrap5

from petition.team.labels import list_role_labels, role_descriptions, role_labels
from petition.team.models import TeamRole
from petition.team.permissions import current_account


def navigation() -> list[tuple[str, str]]:
    """Return (endpoint, label) of each section that the account has a role for."""
    account = current_account()
    sections = [
        ("campaigns.index", _("Campaigns"), (TeamRole.CAMPAIGNER,)),
        ("signature_search.index", _("Signatures"), (TeamRole.CAMPAIGNER,)),
        ("name_review.index", _("Names to review"), (TeamRole.CAMPAIGNER,)),
        ("person_requests.index", _("Requests"), (TeamRole.CAMPAIGNER,)),
        ("desk_mailings.index", _("Mailings"), (TeamRole.CAMPAIGNER, TeamRole.SENDER)),
        ("operations.index", _("Mail queue"), (TeamRole.OPERATOR,)),
        ("people.index", _("Team"), (TeamRole.ADMIN,)),
        ("audit.trail", _("Audit trail"), (TeamRole.OPERATOR,)),
        ("own.account", _("Your account"), ()),
    ]
    return [
        (endpoint, label)
        for endpoint, label, roles in sections
        if account and account.has_any_role(*roles) and endpoint in current_app.view_functions
    ]


def register_navigation_count(app: Flask, endpoint: str, count: Callable[[], str]) -> None:
    """Register what stands behind the label of a section: how much waits there, bounded and cheap; empty for none."""
    app.extensions.setdefault("petition.navigation_counts", {})[endpoint] = count


def navigation_count(endpoint: str) -> str:
    """Return how much waits in a section, empty if nothing does."""
    count = current_app.extensions.get("petition.navigation_counts", {}).get(endpoint)
    return count() if count else ""


def format_campaign_time(moment: datetime, zone: str) -> str:
    """Return a date and time in a campaign's time zone."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_datetime(local, "d MMM y, HH:mm", rebase=False)


def init_app(app: Flask) -> None:
    """Serve Bootstrap from its package on this site, and give templates what the layout needs."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    app.add_template_global(navigation)
    app.add_template_global(navigation_count)
    app.add_template_global(role_labels)
    app.add_template_global(role_descriptions)
    app.add_template_filter(list_role_labels, "roles")
    app.add_template_filter(lambda moment: format_datetime(moment, "medium"), "datetimeformat")
    app.add_template_filter(format_campaign_time, "campaigntime")
