"""Mail providers: who is mailed how fast, why, and what to do; limits, another try, full speed again."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.pacing.actions import list_providers
from petition.operations.actions import provider_actions
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "operator"
blueprint = Blueprint("providers", __name__, url_prefix="/ops/providers")
require_roles(blueprint, TeamRole.OPERATOR)


def _render_page(status: int = 200, **values: object) -> tuple[str, int]:
    at = db.session.scalar(select(func.now()))
    context: dict[str, object] = {"typed": {}, "errors": {}, "at": at, "providers": list_providers()}
    return render_template("operations/providers/index.html", **context | values), status


def _read_line(name: str) -> str:
    return " ".join(request.form.get(name, "").replace("\0", "").split())[:255]


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the providers that are not mailed at full speed, and the form for limits."""
    return _render_page()


@blueprint.post("/limit")
def limit() -> Response | tuple[str, int]:
    """Limit a provider for good, or end its limits."""
    account = current_account()
    assert account is not None
    typed = {name: _read_line(name) for name in ("provider", "per_hour", "max_connections")}
    try:
        provider = provider_actions.limit(**_as_arguments(typed), by=account.name or account.email)
    except ValidationError as error:
        return _render_page(422, typed=typed, errors=error.errors)
    db.session.commit()
    flash(_("Limits of %(provider)s: saved. They hold from the next claims on.", provider=provider), "success")
    return redirect(url_for("providers.index"), 303)


def _as_arguments(typed: dict[str, str]) -> dict[str, str]:
    return {"name": typed["provider"], "per_hour": typed["per_hour"], "max_connections": typed["max_connections"]}


@blueprint.post("/try")
def try_now() -> Response:
    """End the back-off from a provider: one email is tried."""
    if provider_actions.try_now(_read_line("provider")):
        flash(_("One email is tried within seconds. If it is taken, the others follow."), "success")
    else:
        flash(_("Emails to this provider are not put off: nothing was changed."), "info")
    db.session.commit()
    return redirect(url_for("providers.index"), 303)


@blueprint.post("/resume")
def resume() -> Response:
    """Mail a provider at full speed again."""
    if provider_actions.resume(_read_line("provider")):
        flash(_("Its emails are sent at full speed again, within the limits that you set."), "success")
    else:
        flash(_("This provider is mailed at full speed already."), "info")
    db.session.commit()
    return redirect(url_for("providers.index"), 303)
