"""Suppression list: look up, add, remove, import. Only hashes are stored, so addresses cannot be listed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.suppressions import suppression_list
from petition.delivery.suppressions.address_list import decode_list, extract_address, parse_address_list
from petition.operations.actions import suppression_actions
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner or operator"
MAX_LIST_BYTES = 2 * 1024 * 1024
MAX_BAD_LINES_SHOWN = 50
blueprint = Blueprint("suppressions", __name__, url_prefix="/ops/suppressions")
require_roles(blueprint, TeamRole.CAMPAIGNER, TeamRole.OPERATOR, max_body_bytes={"import_": MAX_LIST_BYTES})


def _render_page(status: int = 200, **values: object) -> tuple[str, int]:
    context = {
        "address": "",
        "looked_up": False,
        "found": None,
        "listed": "",
        "addresses": None,
        "bad_lines": [],
        "errors": {},
    }
    reasons = suppression_list.count_by_reason()
    return render_template("operations/suppressions/index.html", reasons=reasons, **context | values), status


def _read_form_line(name: str) -> str:
    return " ".join(request.form.get(name, "").replace("\0", "").split())


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the counts by reason, and the forms."""
    return _render_page()


@blueprint.post("/find")
def find() -> tuple[str, int]:
    """Say whether an address is on the list, and why."""
    address = _read_form_line("address")
    found = suppression_list.find_by_address(extract_address(address) or address)
    return _render_page(address=address, looked_up=True, found=found)


@blueprint.post("/add")
def add() -> Response | tuple[str, int]:
    """Add an address to the list."""
    address, reason = _read_form_line("address"), _read_form_line("reason")
    try:
        suppression_actions.add(address, reason)
    except ValidationError as error:
        return _render_page(422, address=address, errors=error.errors)
    db.session.commit()
    flash(_("This address will not be emailed again."), "success")
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/remove")
def remove() -> Response | tuple[str, int]:
    """Remove an address from the list."""
    address, reason = _read_form_line("address"), _read_form_line("reason")
    try:
        removed = suppression_actions.remove(address, reason)
    except ValidationError as error:
        found = suppression_list.find_by_address(address)
        return _render_page(422, address=address, looked_up=True, found=found, errors=error.errors)
    db.session.commit()
    if removed:
        flash(_("This address may be emailed again."), "success")
    else:
        flash(_("This address was not on the list."), "info")
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/import", endpoint="import_")
def import_addresses() -> Response | tuple[str, int]:
    """Show what a list would add, and its bad lines; with `sure`, add it."""
    file = request.files.get("file")
    listed = decode_list(file.read()) if file and file.filename else request.form.get("listed", "")
    reason = " ".join(request.form.get("reason", "").split()) or "imported"
    addresses, bad_lines = parse_address_list(listed.replace("\0", ""))
    if "sure" not in request.form:
        return _render_page(
            addresses=addresses, bad_lines=bad_lines[:MAX_BAD_LINES_SHOWN], listed="\n".join(addresses), reason=reason
        )
    new = suppression_actions.import_addresses(addresses, reason)
    db.session.commit()
    flash(ngettext("%(num)s address added.", "%(num)s addresses added.", new), "success")
    return redirect(url_for("suppressions.index"), 303)
