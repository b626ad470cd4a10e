"""The addresses that are never mailed: find one, add, remove, import. None of them is kept, so none is listed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.delivery import suppress
from petition.team import audit
from petition.team.access import guard
from petition.team.models import CAMPAIGNER, OPERATOR

ACCESS = "campaigner or operator"
LARGEST = 2 * 1024 * 1024  # bytes of a list
SHOWN = 50  # bad lines
blueprint = Blueprint("suppressions", __name__, url_prefix="/ops/suppressions")
guard(blueprint, CAMPAIGNER, OPERATOR, longest={"import_": LARGEST})


def _page(status: int = 200, **more: object) -> tuple[str, int]:
    shown = {"address": "", "looked_up": False, "found": None, "listed": "", "bad": [], "addresses": None, "errors": {}}
    return render_template("operations/suppressions.html", reasons=suppress.reasons(), **{**shown, **more}), status


def _form() -> tuple[str, str]:
    return (" ".join(request.form.get(name, "").replace("\0", "").split()) for name in ("address", "reason"))  # type: ignore[return-value]


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the reasons, and the forms."""
    return _page()


@blueprint.post("/find")
def find() -> tuple[str, int]:
    """Say whether an address is on the list, and why."""
    address, _reason = _form()
    return _page(address=address, looked_up=True, found=suppress.look_up(address))


@blueprint.post("/add")
def add() -> Response | tuple[str, int]:
    """Put an address on the list."""
    address, reason = _form()
    if not suppress.ADDRESS.fullmatch(address) or not reason:
        return _page(422, address=address, errors={"add": _("Give a whole address and a reason.")})
    suppress.suppress(address, reason)
    audit.record("suppression.add", "suppression", after={"reason": reason[:200]})
    db.session.commit()
    flash(_("This address is never mailed again."), "success")
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/remove")
def remove() -> Response | tuple[str, int]:
    """Take an address off the list."""
    address, reason = _form()
    if not reason:
        return _page(422, address=address, looked_up=True, found=suppress.look_up(address),
                     errors={"remove": _("Give the reason: it stays on record.")})  # fmt: skip
    if suppress.unsuppress(address):
        audit.record("suppression.remove", "suppression", after={"reason": reason[:200]})
        flash(_("This address may be mailed again."), "success")
    else:
        flash(_("This address was not on the list."), "info")
    db.session.commit()
    return redirect(url_for("suppressions.index"), 303)


@blueprint.post("/import", endpoint="import_")
def bring_in() -> Response | tuple[str, int]:
    """Show what a list would add and every bad line; with `sure`, add it."""
    file = request.files.get("file")
    listed = file.read().decode("utf-8", "replace") if file and file.filename else request.form.get("listed", "")
    reason = " ".join(request.form.get("reason", "").split()) or "imported"
    addresses, bad = suppress.read_list(listed.replace("\0", ""))
    if "sure" not in request.form:
        return _page(addresses=addresses, bad=bad[:SHOWN], listed="\n".join(addresses), reason=reason)
    new = suppress.suppress_all(addresses, reason)
    audit.record(
        "suppression.import", "suppression", after={"addresses": len(addresses), "new": new, "reason": reason[:200]}
    )
    db.session.commit()
    flash(ngettext("%(num)s address added.", "%(num)s addresses added.", new), "success")
    return redirect(url_for("suppressions.index"), 303)
