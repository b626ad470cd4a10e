"""Pages of the desk: what will be anonymised and when; handed over."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, InvalidTransition, NotFound
from petition.core.i18n import format_date_text
from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.retention import announcements
from petition.retention.models import PetitionRetention
from petition.retention.schedule import NOTICE, PlanState, get_plan, list_plans
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("data_kept", __name__, url_prefix="/desk")
require_roles(blueprint, TeamRole.CAMPAIGNER)


def _format_long_day(moment: datetime, zone: str) -> str:
    return format_date_text(moment.astimezone(ZoneInfo(zone)).date())


def _format_iso_day(moment: datetime | None, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).date().isoformat() if moment else ""


blueprint.add_app_template_filter(_format_long_day, "longday")
blueprint.add_app_template_filter(_format_iso_day, "isoday")


def navigation_count() -> str:
    """Return how many petitions are about to be anonymised, empty for none."""
    query = select(Petition).join(PetitionRetention, PetitionRetention.petition_id == Petition.id)
    announced = PetitionRetention.announced_at.is_not(None) & PetitionRetention.finished_at.is_(None)
    petitions = list(db.session.scalars(query.where(announced)))
    # Not those that were opened again, or postponed, since.
    plans = list_plans(petitions) if petitions else []
    return str(sum(plan.state not in (PlanState.OPEN, PlanState.PLANNED) for plan in plans) or "")


@blueprint.get("/data-kept")
def index() -> str:
    """List what will happen to the signatures of each petition, the nearest first."""
    plans = list_plans()
    order = {PlanState.OPEN: 1, PlanState.DONE: 2}
    plans.sort(key=lambda plan: (order.get(plan.state, 0), plan.runs_at.timestamp() if plan.runs_at else 0))
    return render_template("retention/desk/index.html", plans=plans, notice=NOTICE)


def _render(petition: Petition, status: int = 200, **context: Any) -> Response:
    account = current_account()
    body = render_template(
        "retention/desk/show.html",
        petition=petition,
        plan=get_plan(petition),
        notice=NOTICE,
        may_postpone=account is not None and account.has_any_role(TeamRole.ADMIN),
        network_days=current_app.config["PETITION_KEEP_NETWORKS"],
        **{"errors": {}, "form": {}, **context},
    )
    return make_response(body, status)


@blueprint.get("/petitions/<slug>/data-kept")
def show(slug: str) -> Response:
    """Show what will happen to the data of one petition, and when."""
    return _render(petition_queries.find_by_slug(slug))


@blueprint.post("/petitions/<slug>/data-kept/handed-over")
def hand_over(slug: str) -> Response:
    """Record on which day the signatures were handed over; an empty day: they were not."""
    petition = petition_queries.find_by_slug(slug, lock=True)
    text = request.form.get("on", "").strip()
    try:
        announcements.record_handover(petition, parse_day(text, "on"))
    except DomainError as error:
        return refuse(slug, error)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("data_kept.show", slug=slug), 303)


def parse_day(text: str, field: str) -> date | None:
    """Return the day of a field, None if it is empty. Raises `DomainError`."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise DomainError({field: _("Give a day, such as 2026-12-31.")}) from None


def refuse(slug: str, error: DomainError) -> Response:
    """Show the page again with what was typed and what is wrong."""
    if isinstance(error, NotFound):
        raise error
    db.session.rollback()
    status = 409 if isinstance(error, InvalidTransition) else 422
    return _render(petition_queries.find_by_slug(slug), status, errors=error.errors, form=request.form)
