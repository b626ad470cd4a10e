"""What everybody did, for operators and admins."""

from contextlib import suppress
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for

from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
blueprint = Blueprint("audit", __name__, url_prefix="/account")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/audit")
def trail() -> str:
    """Show what people did, newest first."""
    form = {name: request.args.get(name, "").strip() for name in ("actor", "action", "subject", "since", "until")}
    days: dict[str, date | None] = {"since": None, "until": None}
    for name in days:
        with suppress(ValueError):
            days[name] = date.fromisoformat(form[name])
    which = audit.AuditFilter(form["actor"] or None, form["action"] or None, form["subject"] or None, **days)
    before = request.args.get("before", type=int)
    events = audit.list_events(which, before if before and 0 < before < 2**63 else None)
    older = None
    if len(events) == audit.PAGE_SIZE:
        values: dict[str, Any] = {name: value for name, value in form.items() if value}
        older = url_for("audit.trail", before=events[-1].id, **values)
    return render_template("team/audit.html", events=events, form=form, older=older)
