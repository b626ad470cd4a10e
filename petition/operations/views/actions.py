"""What operators do: pause, resume, and act on sets of deliveries; every act is on record."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.core.exceptions import DomainError, NotFound
from petition.delivery import pauses
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING
from petition.operations import delivery_actions
from petition.operations.views.dashboard import parse_filter
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "operator"
blueprint = Blueprint("queue", __name__, url_prefix="/ops")
require_roles(blueprint, TeamRole.OPERATOR)


def _queue_name_or_404(queue: str) -> str:
    return queue if queue in (EVERYTHING, *EMAIL_QUEUES) else abort(404)


@blueprint.post("/lanes/<queue>/pause")
def pause(queue: str) -> Response:
    """Hold a queue back."""
    reason = " ".join(request.form.get("reason", "").split())[:200] or _("no reason given")
    pauses.pause(_queue_name_or_404(queue), reason, _account_name())
    audit.record("queue.paused", "queue", queue, after={"reason": reason})
    db.session.commit()
    flash(_("Paused. Signing goes on, and what is being sent now still leaves."), "success")
    return redirect(url_for("operations.index"), 303)


@blueprint.post("/lanes/<queue>/resume")
def resume(queue: str) -> Response:
    """Let a queue go on."""
    if pauses.resume(_queue_name_or_404(queue)):
        audit.record("queue.resumed", "queue", queue)
    db.session.commit()
    flash(_("Resumed. What waits leaves within seconds."), "success")
    return redirect(url_for("operations.index"), 303)


def _account_name() -> str:
    account = current_account()
    assert account is not None
    return account.name or account.email


@blueprint.post("/actions")
def prepare() -> Response:
    """Fix the set that an action would touch, and show it."""
    only = request.form.get("id", type=int)
    try:
        action = delivery_actions.prepare(
            request.form.get("verb", ""),
            parse_filter(request.form),
            _account_name(),
            only if only and 0 < only < 2**63 else None,
        )
    except DomainError:
        db.session.rollback()
        flash(_("Nothing is like that any more: nothing was done."), "info")
        return redirect(url_for("operations.failed"), 303)
    db.session.commit()
    return redirect(url_for("queue.action", action_id=action.id), 303)


def _get_action_or_404(action_id: int, *, lock: bool = False) -> BulkAction:
    try:
        return runner.find(delivery_actions.SUBJECT, action_id, lock=lock)
    except NotFound:
        abort(404)


@blueprint.get("/actions/<int:action_id>")
def action(action_id: int) -> str:
    """Show an action: what it would do, how far it is, or what it did."""
    found = _get_action_or_404(action_id)
    return render_template("operations/action.html", action=found, sample=delivery_actions.list_sample(found))


@blueprint.post("/actions/<int:action_id>/start")
def start(action_id: int) -> Response:
    """Begin, or go on after a stop."""
    found = _get_action_or_404(action_id, lock=True)
    if runner.start(found):
        audit.record(
            f"deliveries.{found.verb}", "action", found.id, before={"total": found.total}, after=dict(found.filter)
        )
    db.session.commit()
    if not runner.wake_worker():
        flash(_("The broker does not answer: the work begins when it is back."), "info")
    return redirect(url_for("queue.action", action_id=action_id), 303)


@blueprint.post("/actions/<int:action_id>/stop")
def stop(action_id: int) -> Response:
    """Stop after the batch in hand."""
    found = _get_action_or_404(action_id, lock=True)
    if runner.stop(found):
        audit.record("deliveries.stopped", "action", found.id, after={"done": found.done, "total": found.total})
    db.session.commit()
    return redirect(url_for("queue.action", action_id=action_id), 303)
