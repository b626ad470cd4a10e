"""What came back, for operators: counted by kind, newest first, and what nobody could understand yet."""

from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import KINDS, Bounce, BounceKind
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
PAGE_SIZE = 50
PERIODS = {"day": timedelta(days=1), "month": timedelta(days=30)}
blueprint = Blueprint("bounce_reports", __name__, url_prefix="/ops/bounces")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.app_template_global()
def bounce_kind_label(kind: str) -> str:
    """Return what a kind of report is called."""
    return {
        "permanent": _("mailbox gone"), "soft": _("not now"), "policy": _("refused by policy"),
        "complaint": _("complaint"), "delayed": _("delay or automatic answer"), "unsubscribe": _("asked to stop"),
        "not_understood": _("not understood"),
    }[kind]  # fmt: skip


def _count_by_kind(since: timedelta) -> dict[str, int]:
    query = select(Bounce.kind, func.count()).where(Bounce.at > clock.now() - since).group_by(Bounce.kind)
    return {row[0]: row[1] for row in db.session.execute(query)}


@blueprint.get("/")
def index() -> str:
    """List what came back."""
    kind, before = request.args.get("kind", ""), request.args.get("before", type=int)
    query = select(Bounce).order_by(Bounce.id.desc()).limit(PAGE_SIZE)
    if kind in KINDS:
        query = query.where(Bounce.kind == kind)
    if kind == BounceKind.NOT_UNDERSTOOD:
        query = query.where(Bounce.read_at.is_(None))
    if before and 0 < before < 2**63:
        query = query.where(Bounce.id < before)
    found = list(db.session.scalars(query))
    counts = {name: _count_by_kind(since) for name, since in PERIODS.items()}
    older = url_for("bounce_reports.index", kind=kind or None, before=found[-1].id) if len(found) == PAGE_SIZE else None
    return render_template(
        "operations/bounces.html", bounces=found, counts=counts, kinds=KINDS, kind=kind, older=older,
        policy=counts["day"].get(BounceKind.POLICY, 0),
    )  # fmt: skip


@blueprint.post("/<int:bounce_id>/read")
def read(bounce_id: int) -> Response:
    """Mark a report as read."""
    found = db.session.get(Bounce, bounce_id) if bounce_id < 2**63 else None
    if found is None:
        abort(404)
    if found.read_at is None:
        found.read_at = clock.now()
        audit.record("bounce.read", "bounce", found.id)
    db.session.commit()
    return redirect(url_for("bounce_reports.index", kind=BounceKind.NOT_UNDERSTOOD), 303)
