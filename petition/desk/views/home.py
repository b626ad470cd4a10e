"""The home of every member of the team."""

from flask import Blueprint, render_template

from petition.desk.home import build_home
from petition.team.permissions import current_account, require_roles

ACCESS = "team"
blueprint = Blueprint("desk", __name__, url_prefix="/desk")
require_roles(blueprint)


@blueprint.get("/")
def home() -> str:
    """Show what needs doing, the totals, and what happened lately."""
    account = current_account()
    assert account is not None  # `require_roles` has checked it
    return render_template("desk/home.html", home=build_home(account), account=account)
