"""The addresses that are never mailed: find one, add, remove, import. None of them is kept, so none is listed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.delivery.suppressions import suppression_list
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner or operator"
MAX_LIST_BYTES = 2 * 1024 * 1024  # bytes of a list
MAX_BAD_LINES = 50  # bad lines
blueprint = Blueprint("suppressions", __name__, url_prefix="/ops/suppressions")
require_roles(blueprint, TeamRole.CAMPAIGNER, TeamRole.OPERATOR, max_body_bytes={"import_": MAX_LIST_BYTES})


def _render_page(status: int = 200, **more: object) -> tuple[str, int]:
    shown = {"address": "", "looked_up": False, "found": None, "listed": "", "bad": [], "addresses": None, "errors": {}}
    return render_template(
        "operations/suppressions.html", reasons=suppression_list.count_by_reason(), **{**shown, **more}
    ), status


def _read_form() -> tuple[str, str]:
    return (" ".join(request.form.get(name, "").replace("\0", "").split()) for name in ("address", "reason"))  # type: ignore[return-value]


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the reasons, and the forms."""
    return _render_page()


@blueprint.post("/find")
def find() -> tuple[str, int]:
    """Say whether an address is on the list, and why."""
    address, _reason = _read_form()
    return _render_page(address=address, looked_up=True, found=suppression_list.find_by_address(address))


@blueprint.post("/add")
def add() -> Response | tuple[str, int]:
    """Put an address on the list."""
    address, reason = _read_form()
    if not suppression_list.ADDRESS_PATTERN.fullmatch(address) or not reason:
        return _render_page(422, address=address, errors={"add": _("Give a whole address and a reason.")})
    suppression_list.suppress(address, reason)
    audit.record("suppression.add", "suppression", after={"reason": reason[:200]})
    db.session.commit()
    flash(_("This address is never mailed again."), "success")
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/remove")
def remove() -> Response | tuple[str, int]:
    """Take an address off the list."""
    address, reason = _read_form()
    if not reason:
        return _render_page(422, address=address, looked_up=True, found=suppression_list.find_by_address(address),
                     errors={"remove": _("Give the reason: it stays on record.")})  # fmt: skip
    if suppression_list.unsuppress(address):
        audit.record("suppression.remove", "suppression", after={"reason": reason[:200]})
        flash(_("This address may be mailed again."), "success")
    else:
        flash(_("This address was not on the list."), "info")
    db.session.commit()
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/import", endpoint="import_")
def import_addresses() -> Response | tuple[str, int]:
    """Show what a list would add and every bad line; with `sure`, add it."""
    file = request.files.get("file")
    listed = file.read().decode("utf-8", "replace") if file and file.filename else request.form.get("listed", "")
    reason = " ".join(request.form.get("reason", "").split()) or "imported"
    addresses, bad = suppression_list.parse_address_list(listed.replace("\0", ""))
    if "sure" not in request.form:
        return _render_page(addresses=addresses, bad=bad[:MAX_BAD_LINES], listed="\n".join(addresses), reason=reason)
    new = suppression_list.suppress_many(addresses, reason)
    audit.record(
        "suppression.import", "suppression", after={"addresses": len(addresses), "new": new, "reason": reason[:200]}
    )
    db.session.commit()
    flash(ngettext("%(num)s address added.", "%(num)s addresses added.", new), "success")
    return redirect(url_for("suppressions.index"), 303)
