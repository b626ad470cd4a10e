"""Shared by all pages of the team: Bootstrap, the navigation, formats of times."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Flask, current_app, request, url_for
from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_bootstrap import Bootstrap5

from petition.team.audit_sentences import describe_events
from petition.team.labels import actor_label, list_role_labels, role_descriptions, role_labels
from petition.team.models import TeamRole
from petition.team.permissions import current_account, may_as_partner
from petition.team.sessions import TEAM_PATH_PREFIXES
from petition.team.unsaved_forms import make_owner_token

MAILINGS = "desk_mailings.index"
# Opened now and then: in a menu, where an account has more sections than a row holds.
OCCASIONAL = ("data_kept.index", "person_requests.index", "api_tokens.index", "partners.index", "audit.trail")
MAX_SECTIONS_IN_A_ROW = 8


class NavigationItem(NamedTuple):
    """A section in the bar: where it leads, whether it is this page's, and how much waits there.

    `in_menu`: it stands in the menu of those that are opened now and then, as nothing waits there.
    """

    url: str
    label: str
    is_current: bool
    waiting: str
    in_menu: bool = False


def navigation() -> list[NavigationItem]:
    """Return the sections that the account has a role for."""
    account = current_account()
    sections = [
        ("desk.home", _("Home"), ()),
        ("desk_petitions.index", _("Campaigns"), (TeamRole.CAMPAIGNER,)),
        ("signature_search.index", _("Signatures"), (TeamRole.CAMPAIGNER,)),
        ("name_review.index", _("Names to review"), (TeamRole.CAMPAIGNER,)),
        ("data_kept.index", _("Data kept"), (TeamRole.CAMPAIGNER,)),
        ("person_requests.index", _("Requests"), (TeamRole.CAMPAIGNER,)),
        (MAILINGS, _("Mailings"), (TeamRole.CAMPAIGNER, TeamRole.SENDER)),
        ("operations.index", _("Mail queue"), (TeamRole.OPERATOR,)),
        ("api_tokens.index", _("API"), (TeamRole.CAMPAIGNER, TeamRole.SENDER)),
        ("members.index", _("Team"), (TeamRole.ADMIN,)),
        ("partners.index", _("Partners"), (TeamRole.ADMIN,)),
        ("audit.trail", _("Audit trail"), (TeamRole.OPERATOR,)),
    ]
    if account and may_as_partner(account, "viewer"):
        shared = ("own_partnerships.index", _("Shared petitions"), ())
        if account.role_names:
            sections.insert(1, shared)
        else:  # acts for partners alone
            sections = [shared]
            if may_as_partner(account, "sender"):
                sections.append((MAILINGS, _("Mailings"), ()))
    items = []
    for endpoint, label, roles in sections:
        if account and account.has_any_role(*roles) and endpoint in current_app.view_functions:
            url = url_for(endpoint)
            is_home = endpoint == "desk.home"
            is_current = request.path == url if is_home else request.path.startswith(url)
            waiting = navigation_count(endpoint)
            in_menu = endpoint in OCCASIONAL and not waiting
            items.append(NavigationItem(url, label, is_current, waiting, in_menu))
    return items if len(items) > MAX_SECTIONS_IN_A_ROW else [item._replace(in_menu=False) for item in items]


def register_navigation_count(app: Flask, endpoint: str, count: Callable[[], str]) -> None:
    """Register what stands behind the label of a section: how much waits there, bounded and cheap; empty for none."""
    app.extensions.setdefault("petition.navigation_counts", {})[endpoint] = count


def navigation_count(endpoint: str) -> str:
    """Return how much waits in a section, empty if nothing does."""
    count = current_app.extensions.get("petition.navigation_counts", {}).get(endpoint)
    return count() if count else ""


def format_team_time(moment: datetime, zone: str = "UTC", *, seconds: bool = False) -> str:
    """Return a date and time as every page of the team writes it: 27 Nov 2026, 12:25. `zone`: a campaign's."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_datetime(local, "d MMM y, HH:mm:ss" if seconds else "d MMM y, HH:mm", rebase=False)


def format_utc_time(moment: datetime, *, seconds: bool = False) -> str:
    """Return a date and time that says itself that it is in UTC: within a sentence, or where other zones are near."""
    return f"{format_team_time(moment, seconds=seconds)} UTC"


def form_owner() -> str:
    """Return the token that a form of the desk carries, so that what is typed into it is never lost."""
    account = current_account()
    return make_owner_token(account) if account else ""


def team_error_template() -> str | None:
    """Return the template of error pages where somebody of the team would see one; None elsewhere."""
    if request.path.startswith(TEAM_PATH_PREFIXES) and current_account():
        return "team/error.html"
    return None


def init_app(app: Flask) -> None:
    """Serve Bootstrap from its package on this site, and give templates what the layout needs."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    app.add_template_global(navigation)
    app.add_template_global(role_labels)
    app.add_template_global(role_descriptions)
    app.add_template_filter(list_role_labels, "roles")
    app.add_template_filter(actor_label, "actor")
    app.add_template_global(describe_events)
    app.add_template_global(form_owner)
    app.add_template_filter(format_team_time, "datetimeformat")
    app.add_template_filter(format_team_time, "campaigntime")
    app.add_template_filter(format_utc_time, "utctime")
    app.context_processor(lambda: {"organisation": app.config["PETITION_ORGANISATION"]})
    app.extensions["petition.error_template"] = team_error_template
