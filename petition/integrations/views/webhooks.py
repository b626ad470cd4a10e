"""Webhooks at the desk: list, make, change, pause, rotate the secret, test, delete."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.exceptions import DomainError, ValidationError
from petition.integrations.models import EVENT_TYPES, WebhookEndpoint
from petition.integrations.webhooks import endpoints
from petition.petitions import queries as petition_queries
from petition.team.models import TeamRole
from petition.team.permissions import check_fresh, current_account, require_roles

ACCESS = "campaigner"
blueprint = Blueprint("webhooks", __name__, url_prefix="/desk/webhooks")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/")
def index() -> str:
    """List the endpoints."""
    return render_template("integrations/webhooks/index.html", endpoints=endpoints.list_all(), slugs=_petition_slugs())


@blueprint.get("/new")
def new() -> Response | str:
    """Show the form that makes one, to somebody who gave their password lately: it sends what signers agreed to."""
    return check_fresh(url_for("webhooks.new")) or _render_form({"events": []}, {})


@blueprint.post("/")
def create() -> Response | tuple[str, int]:
    """Make an endpoint and show its secret, this once."""
    asked = check_fresh(url_for("webhooks.new"))
    if asked:
        return asked
    form, account = _read_form(), current_account()
    try:
        petition_id = _parse_petition(form.get("petition"))
        endpoint = endpoints.create(form.get("url", ""), form["events"], petition_id, account.email if account else "")
    except ValidationError as error:
        db.session.rollback()
        return _render_form(form, error.errors), 422
    db.session.commit()
    return _show_secret(endpoint, endpoint.secret)


def _show_secret(endpoint: WebhookEndpoint, secret: str) -> Response:
    page = render_template(
        "integrations/webhooks/secret.html", endpoint=endpoint, secret=secret,
        hours=round(endpoints.OLD_SECRET_RETENTION.total_seconds() / 3600),
    )  # fmt: skip
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<int:endpoint_id>")
def show(endpoint_id: int) -> str:
    """Show an endpoint and its last results."""
    endpoint = endpoints.find(endpoint_id)
    return _render(endpoint, {"url": endpoint.url, "events": endpoint.events}, {})


@blueprint.post("/<int:endpoint_id>")
def change(endpoint_id: int) -> Response | tuple[str, int]:
    """Change where events go and which."""
    endpoint, form = endpoints.find(endpoint_id, lock=True), _read_form()
    asked = check_fresh(url_for("webhooks.show", endpoint_id=endpoint_id))
    if asked and form.get("url", "").strip() != endpoint.url:
        return asked
    try:
        endpoints.change(endpoint, form.get("url", ""), form["events"])
    except ValidationError as error:
        db.session.rollback()
        return _render(endpoints.find(endpoint_id), form, error.errors), 422
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("webhooks.show", endpoint_id=endpoint_id), 303)


@blueprint.post("/<int:endpoint_id>/rotate")
def rotate(endpoint_id: int) -> Response:
    """Make a new secret and show it, this once."""
    asked = check_fresh(url_for("webhooks.show", endpoint_id=endpoint_id))
    if asked:
        return asked
    endpoint = endpoints.find(endpoint_id, lock=True)
    secret = endpoints.rotate(endpoint)
    db.session.commit()
    return _show_secret(endpoint, secret)


@blueprint.post("/<int:endpoint_id>/pause")
def pause(endpoint_id: int) -> Response | tuple[str, int]:
    """Let events wait."""
    return _act(endpoint_id, endpoints.pause, _("Paused: events wait until you resume."))


@blueprint.post("/<int:endpoint_id>/resume")
def resume(endpoint_id: int) -> Response | tuple[str, int]:
    """Send again."""
    return _act(endpoint_id, endpoints.resume, _("Active: events are sent."))


@blueprint.post("/<int:endpoint_id>/test")
def test(endpoint_id: int) -> Response | tuple[str, int]:
    """Send a test message."""
    return _act(endpoint_id, endpoints.send_test, _("A test message is on its way. Reload the page for its result."))


@blueprint.post("/<int:endpoint_id>/delete")
def delete(endpoint_id: int) -> Response:
    """Delete an endpoint with what waits for it."""
    endpoints.delete(endpoints.find(endpoint_id, lock=True))
    db.session.commit()
    flash(_("The webhook is deleted."), "success")
    return redirect(url_for("webhooks.index"), 303)


def _act(endpoint_id: int, act: Callable[[WebhookEndpoint], None], done: str) -> Response | tuple[str, int]:
    try:
        act(endpoints.find(endpoint_id, lock=True))
    except DomainError as error:
        db.session.rollback()
        endpoint = endpoints.find(endpoint_id)
        return _render(endpoint, {"url": endpoint.url, "events": endpoint.events}, error.errors), 409
    db.session.commit()
    flash(done, "success")
    return redirect(url_for("webhooks.show", endpoint_id=endpoint_id), 303)


def _read_form() -> dict[str, Any]:
    return {**request.form.to_dict(), "events": request.form.getlist("event")}


def _petition_slugs() -> dict[int, str]:
    return {petition.id: petition.slug for petition in petition_queries.list_all()}


def _parse_petition(slug: str | None) -> int | None:
    slugs = {name: number for number, name in _petition_slugs().items()}
    if slug and slug not in slugs:
        raise ValidationError({"petition": _("Choose one of the list.")})
    return slugs[slug] if slug else None


def _render_form(form: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "integrations/webhooks/new.html", form=form, errors=errors, slugs=_petition_slugs().values(), types=EVENT_TYPES
    )


def _render(endpoint: WebhookEndpoint, form: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "integrations/webhooks/endpoint.html", endpoint=endpoint, form=form, errors=errors, types=EVENT_TYPES,
        recent=endpoints.list_recent_events(endpoint), slugs=_petition_slugs(),
        days=endpoints.EVENT_RETENTION.days, hours=round(endpoints.OLD_SECRET_RETENTION.total_seconds() / 3600),
    )  # fmt: skip
