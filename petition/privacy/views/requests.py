"""Requests of persons on the desk: record, find what is held, export, perform, refuse, extend."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response as BaseResponse

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError, ValidationError
from petition.privacy import deadlines, person_requests
from petition.privacy.export import to_json
from petition.privacy.held_data import collect_held_data, list_signatures
from petition.privacy.models import CHANNELS, REQUEST_KINDS, PersonRequest, RequestState
from petition.signatures.staff.team_view import all_for_team
from petition.signatures.views.personal_page import TECHNICAL_FIELDS, TYPED_FIELDS
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
blueprint = Blueprint("person_requests", __name__, url_prefix="/desk/requests")
require_roles(blueprint, TeamRole.CAMPAIGNER)


@blueprint.get("/")
def index() -> tuple[str, int]:
    """List the open requests, the most urgent first, and those closed last."""
    return _render_list({}, {})


def _render_list(form: dict[str, str], errors: dict[str, str], status: int = 200) -> tuple[str, int]:
    return render_template(
        "privacy/requests/index.html", open=person_requests.list_open(), closed=person_requests.list_closed(),
        kinds=REQUEST_KINDS, channels=CHANNELS, form=form, errors=errors, today=clock.now().date(),
        soon_days=deadlines.SOON_DAYS,
    ), status  # fmt: skip


@blueprint.post("/")
def record() -> BaseResponse | tuple[str, int]:
    """Record a request."""
    form = request.form.to_dict()
    try:
        row = person_requests.record_request(
            form.get("kind", ""), form.get("channel", ""), form.get("email", ""), _parse_day(form.get("received_on"))
        )
    except ValidationError as error:
        db.session.rollback()
        return _render_list(form, error.errors, 422)
    db.session.commit()
    return redirect(url_for("person_requests.show", request_id=row.id), 303)


def _parse_day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return date.min  # refused with the other fields


@blueprint.get("/<int:request_id>")
def show(request_id: int) -> tuple[str, int]:
    """Show a request and what is held on its address; that it was looked at is in the audit trail."""
    row = person_requests.get_request(request_id)
    if row.state == RequestState.OPEN:
        audit.record("request.viewed", person_requests.SUBJECT, row.id)
        db.session.commit()
    return _render(row)


def _render(row: PersonRequest, error: str | None = None, status: int = 200, **form: str) -> tuple[str, int]:
    address = person_requests.require_open(row) if row.state == RequestState.OPEN else None
    return render_template(
        "privacy/requests/request.html", row=row, today=clock.now().date(), soon_days=deadlines.SOON_DAYS,
        signatures=all_for_team(list_signatures(address)) if address else [], error=error, form=form,
        held=collect_held_data(address, person_requests.hash_person(address.canonical)) if address else None,
    ), status  # fmt: skip


@blueprint.get("/<int:request_id>/data.<suffix>")
def data(request_id: int, suffix: str) -> Response:
    """Return all that is held on the address as a file: JSON, or HTML to read, print and send."""
    if suffix not in ("json", "html"):
        abort(404)
    row = person_requests.get_request(request_id)
    address = person_requests.require_open(row)
    held = collect_held_data(address, person_requests.hash_person(address.canonical))
    if suffix == "json":
        response = current_app.response_class(to_json(held), mimetype="application/json")
    else:
        page = render_template(
            "privacy/requests/data.html", held=held, at=clock.now(), typed=TYPED_FIELDS, technical=TECHNICAL_FIELDS
        )
        response = current_app.response_class(page, mimetype="text/html")
    response.headers["Content-Disposition"] = f"attachment; filename=request-{row.id}.{suffix}"
    response.headers["Cache-Control"] = "no-store"
    audit.record("request.exported", person_requests.SUBJECT, row.id, after={"as": suffix})
    db.session.commit()
    return response


@blueprint.post("/<int:request_id>/perform")
def perform(request_id: int) -> BaseResponse | tuple[str, int]:
    """Do what the request asks for, and close it."""
    return _change(request_id, person_requests.perform, _("The request is answered. Inform the person."))


@blueprint.post("/<int:request_id>/refuse")
def refuse(request_id: int) -> BaseResponse | tuple[str, int]:
    """Close the request without granting it."""
    reason = request.form.get("reason", "")
    return _change(request_id, lambda row: person_requests.refuse(row, reason), _("The request is refused."))


@blueprint.post("/<int:request_id>/extend")
def extend(request_id: int) -> BaseResponse | tuple[str, int]:
    """Take two more months for the answer."""
    reason = request.form.get("reason", "")
    return _change(request_id, lambda row: person_requests.extend(row, reason), _("The deadline is extended."))


def _change(request_id: int, change: Callable[[PersonRequest], Any], done: str) -> BaseResponse | tuple[str, int]:
    try:
        change(person_requests.get_request(request_id, lock=True))
    except ValidationError as error:
        db.session.rollback()
        return _render(person_requests.get_request(request_id), str(error), 422, reason=request.form.get("reason", ""))
    except DomainError as error:
        db.session.rollback()
        if not error.errors.get("form"):
            raise
        return _render(person_requests.get_request(request_id), str(error), 409)
    db.session.commit()
    flash(done, "success")
    return redirect(url_for("person_requests.show", request_id=request_id), 303)
