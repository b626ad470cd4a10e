"""The audit trail, for operators."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for

from petition.core.exceptions import ValidationError
from petition.core.pagination import parse_cursor
from petition.team import audit
from petition.team.audit_sentences import list_actions
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
FILTER_FIELDS = ("actor", "action", "subject", "since", "until")
blueprint = Blueprint("audit", __name__, url_prefix="/account")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/audit")
def trail() -> str:
    """List events that match a filter, newest first."""
    form = {name: request.args.get(name, "").strip() for name in FILTER_FIELDS}
    filter = audit.AuditFilter(
        form["actor"] or None,
        form["action"] or None,
        form["subject"] or None,
        _parse_date(form["since"]),
        _parse_date(form["until"]),
    )
    page = audit.list_events(filter, _parse_cursor(request.args.get("before")))
    criteria: dict[str, Any] = {name: value for name, value in form.items() if value}
    older = url_for("audit.trail", before=page.next, **criteria) if page.next else None
    return render_template("team/audit/index.html", events=page.items, form=form, older=older, actions=list_actions())


def _parse_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _parse_cursor(text: str | None) -> int | None:
    try:
        return parse_cursor(text)
    except ValidationError:
        return None  # the first page, as for a date that is none
