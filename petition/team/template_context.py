"""What every page of the team shares: Bootstrap from its own package, the navigation, times."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_bootstrap import Bootstrap5

from petition.team.labels import role_descriptions
from petition.team.models import TeamRole
from petition.team.permissions import current_account


def navigation() -> list[tuple[str, str]]:
    """Return (endpoint, label) for each part that the account may enter."""
    account = current_account()
    parts = [
        ("campaigns.index", _("Campaigns"), (TeamRole.CAMPAIGNER,)),
        ("signature_search.index", _("Signatures"), (TeamRole.CAMPAIGNER,)),
        ("desk_mailings.index", _("Mailings"), (TeamRole.CAMPAIGNER, TeamRole.SENDER)),
        ("operations.index", _("Mail queue"), (TeamRole.OPERATOR,)),
        ("people.index", _("People"), (TeamRole.ADMIN,)),
        ("audit.trail", _("Audit trail"), (TeamRole.OPERATOR,)),
        ("own.account", _("Your account"), ()),
    ]
    return [
        (endpoint, label)
        for endpoint, label, roles in parts
        if account and account.has_any_role(*roles) and endpoint in current_app.view_functions
    ]


def format_campaign_time(moment: datetime, zone: str) -> str:
    """Return a moment in words, in a campaign's own time zone."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_datetime(local, "d MMM y, HH:mm", rebase=False)


def init_app(app: Flask) -> None:
    """Serve Bootstrap from this site, and give templates what the layout needs."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    app.add_template_global(navigation)
    app.add_template_global(role_descriptions)
    app.add_template_filter(lambda moment: format_datetime(moment, "medium"), "datetimeformat")
    app.add_template_filter(format_campaign_time, "campaigntime")
