"""What operators do: pause, resume, and act on sets of deliveries; every act is on record."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.db import db
from petition.core.errors import Gone, Refusal
from petition.delivery import holds
from petition.delivery.lanes import EVERYTHING, LANES
from petition.operations import act
from petition.operations.pages import chosen
from petition.team import audit, runs
from petition.team.access import current, guard
from petition.team.models import OPERATOR, Run

ACCESS = "operator"
blueprint = Blueprint("queue", __name__, url_prefix="/ops")
guard(blueprint, OPERATOR)


def _lane(lane: str) -> str:
    return lane if lane in (EVERYTHING, *LANES) else abort(404)


@blueprint.post("/lanes/<lane>/pause")
def pause(lane: str) -> Response:
    """Hold a lane back."""
    reason = " ".join(request.form.get("reason", "").split())[:200] or _("no reason given")
    holds.hold(_lane(lane), reason, _who())
    audit.record("lane.paused", "lane", lane, after={"reason": reason})
    db.session.commit()
    flash(_("Paused. Signing goes on, and what is being sent now still leaves."), "success")
    return redirect(url_for("operations.index"), 303)


@blueprint.post("/lanes/<lane>/resume")
def resume(lane: str) -> Response:
    """Let a lane go on."""
    if holds.unhold(_lane(lane)):
        audit.record("lane.resumed", "lane", lane)
    db.session.commit()
    flash(_("Resumed. What waits leaves within seconds."), "success")
    return redirect(url_for("operations.index"), 303)


def _who() -> str:
    account = current()
    assert account is not None
    return account.name or account.email


@blueprint.post("/actions")
def prepare() -> Response:
    """Fix the set that an action would touch, and show it."""
    only = request.form.get("id", type=int)
    try:
        action = act.prepare(
            request.form.get("verb", ""), chosen(request.form), _who(), only if only and 0 < only < 2**63 else None
        )
    except Refusal:
        db.session.rollback()
        flash(_("Nothing is like that any more: nothing was done."), "info")
        return redirect(url_for("operations.failed"), 303)
    db.session.commit()
    return redirect(url_for("queue.action", action_id=action.id), 303)


def _action(action_id: int, *, lock: bool = False) -> Run:
    try:
        return runs.find(act.SUBJECT, action_id, lock=lock)
    except Gone:
        abort(404)


@blueprint.get("/actions/<int:action_id>")
def action(action_id: int) -> str:
    """Show an action: what it would do, how far it is, or what it did."""
    found = _action(action_id)
    return render_template("operations/action.html", action=found, sample=act.sample(found))


@blueprint.post("/actions/<int:action_id>/start")
def start(action_id: int) -> Response:
    """Begin, or go on after a stop."""
    found = _action(action_id, lock=True)
    if runs.start(found):
        audit.record(
            f"deliveries.{found.verb}", "action", found.id, before={"total": found.total}, after=dict(found.filter)
        )
    db.session.commit()
    if not runs.wake():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("queue.action", action_id=action_id), 303)


@blueprint.post("/actions/<int:action_id>/stop")
def stop(action_id: int) -> Response:
    """Stop after the batch in hand."""
    found = _action(action_id, lock=True)
    if runs.stop(found):
        audit.record("deliveries.stopped", "action", found.id, after={"done": found.done, "total": found.total})
    db.session.commit()
    return redirect(url_for("queue.action", action_id=action_id), 303)
