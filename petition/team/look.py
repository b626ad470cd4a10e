"""What every page of the team shares: Bootstrap from its own package, the navigation, times."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_bootstrap import Bootstrap5

from petition.team.access import current
from petition.team.models import ADMIN, CAMPAIGNER, OPERATOR, SENDER
from petition.team.people_pages import role_words


def navigation() -> list[tuple[str, str]]:
    """Return (endpoint, label) for each part that the account may enter."""
    account = current()
    parts = [
        ("campaigns.index", _("Campaigns"), (CAMPAIGNER,)),
        ("signature_search.index", _("Signatures"), (CAMPAIGNER,)),
        ("desk_mailings.index", _("Mailings"), (CAMPAIGNER, SENDER)),
        ("operations.index", _("Mail queue"), (OPERATOR,)),
        ("people.index", _("People"), (ADMIN,)),
        ("audit.trail", _("Audit trail"), (OPERATOR,)),
        ("own.account", _("Your account"), ()),
    ]
    return [
        (endpoint, label)
        for endpoint, label, roles in parts
        if account and account.may(*roles) and endpoint in current_app.view_functions
    ]


def campaign_time(moment: datetime, zone: str) -> str:
    """Return a moment in words, in a campaign's own time zone."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_datetime(local, "d MMM y, HH:mm", rebase=False)


def run_state_words(state: str) -> str:
    """Return what the state of a run is called."""
    return {
        "running": _("running"), "stopped": _("stopped"), "done": _("done"), "draft": _("not started"),
    }.get(state, state)  # fmt: skip


def init_app(app: Flask) -> None:
    """Serve Bootstrap from this site, and give templates what the layout needs."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    app.add_template_global(navigation)
    app.add_template_global(role_words)
    app.add_template_global(run_state_words)
    app.add_template_filter(lambda moment: format_datetime(moment, "medium"), "datetimeformat")
    app.add_template_filter(campaign_time, "campaigntime")
