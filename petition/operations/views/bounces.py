"""Bounces, complaints and unsubscribe requests: counts by kind, the list, and reports to read."""

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.pagination import parse_cursor
from petition.delivery.bounces import dmarc_reports
from petition.delivery.bounces.models import KINDS, BounceKind
from petition.operations import bounce_reports
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
PERIODS = {"day": timedelta(days=1), "month": timedelta(days=30)}
DMARC_DAYS, MAX_SOURCES = 30, 100
blueprint = Blueprint("bounce_reports", __name__, url_prefix="/ops/bounces")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/")
def index() -> str:
    """List reports, newest first."""
    kind = request.args.get("kind", "")
    try:
        cursor = parse_cursor(request.args.get("before"))
    except ValidationError:
        cursor = None  # a mistyped address shows the first page
    page = bounce_reports.list_reports(kind, cursor)
    counts = {name: bounce_reports.count_by_kind(period) for name, period in PERIODS.items()}
    return render_template(
        "operations/bounces/index.html",
        bounces=page.items,
        counts=counts,
        kinds=KINDS,
        kind=kind,
        older=url_for("bounce_reports.index", kind=kind or None, before=page.next) if page.next else None,
        policy=counts["day"].get(BounceKind.POLICY, 0),
    )


@blueprint.get("/dmarc")
def dmarc() -> str:
    """Show what providers reported about emails that claim to be from our domain, by server and by day."""
    return render_template(
        "operations/bounces/dmarc.html",
        sources=dmarc_reports.list_sources(DMARC_DAYS, MAX_SOURCES),
        days=dmarc_reports.list_days(DMARC_DAYS),
    )


@blueprint.post("/<int:bounce_id>/read")
def read(bounce_id: int) -> Response:
    """Mark a report as read."""
    bounce_reports.mark_read(bounce_id)
    db.session.commit()
    return redirect(url_for("bounce_reports.index", kind=BounceKind.NOT_UNDERSTOOD), 303)
