"""The home of every member of the team."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for

from petition.desk.home import build_home
from petition.petitions.partners.access import is_outsider, list_own
from petition.team.permissions import current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("desk", __name__, url_prefix="/desk")
require_roles(blueprint)


@blueprint.get("/")
def home() -> Any:
    """Show what needs doing, the totals, and what happened lately; who only acts for partners sees what they share."""
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    if is_outsider(account) and list_own(account):
        return redirect(url_for("own_partnerships.index"), 303)
    return render_template("desk/home.html", home=build_home(account), account=account)
