"""Operators' actions: pause and resume queues, and bulk actions on deliveries. Each has an audit event."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.ids import is_id
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING
from petition.operations import failures
from petition.operations.actions import delivery_actions, queue_actions
from petition.operations.failures import DeliveryFilter
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "operator"
blueprint = Blueprint("operator_actions", __name__, url_prefix="/ops")
require_roles(blueprint, TeamRole.OPERATOR)


def _queue_name_or_404(queue: str) -> str:
    return queue if queue in (EVERYTHING, *EMAIL_QUEUES) else abort(404)


@blueprint.post("/lanes/<queue>/pause")
def pause(queue: str) -> Response:
    """Pause a queue."""
    reason = " ".join(request.form.get("reason", "").split()) or _("no reason given")
    queue_actions.pause_queue(_queue_name_or_404(queue), reason, _account_name())
    db.session.commit()
    flash(_("Paused. Signing goes on, and emails being sent now are finished."), "success")
    return redirect(url_for("operations.index"), 303)


@blueprint.post("/lanes/<queue>/resume")
def resume(queue: str) -> Response:
    """Resume a queue."""
    queue_actions.resume_queue(_queue_name_or_404(queue))
    db.session.commit()
    if remaining := queue_actions.list_still_paused(queue):
        names = ", ".join(_("all queues") if pause.scope == EVERYTHING else pause.scope for pause in remaining)
        flash(_("Resumed, but still paused on its own: %(names)s.", names=names), "warning")
    else:
        flash(_("Resumed. Waiting emails are sent within seconds."), "success")
    return redirect(url_for("operations.index"), 303)


def _account_name() -> str:
    account = current_account()
    assert account is not None
    return account.name or account.email


def _failures_url() -> str:
    """Return the URL of the list that the form was sent from."""
    return url_for("operations.failed", **DeliveryFilter.parse(request.form).to_dict())  # type: ignore[arg-type]


@blueprint.post("/actions")
def prepare() -> Response:
    """Store the set of emails that an action would change, and show it."""
    only_ids = [number for number in request.form.getlist("id", type=int) if is_id(number)]
    if "selected" in request.form and not only_ids:
        flash(_("Tick the emails first: nothing was done."), "info")
        return redirect(_failures_url(), 303)
    try:
        action = delivery_actions.prepare(
            request.form.get("verb", ""),
            DeliveryFilter.parse(request.form),
            _account_name(),
            only_ids[: failures.PAGE_SIZE],
        )
    except delivery_actions.QueueNotPaused:
        db.session.rollback()
        flash(_("Pause the queue first: until then, workers take the emails that are due."), "warning")
        return redirect(_failures_url(), 303)
    except ValidationError:
        db.session.rollback()
        flash(_("No email matches any more: nothing was done."), "info")
        return redirect(url_for("operations.failed"), 303)
    db.session.commit()
    return redirect(url_for("operator_actions.action", action_id=action.id), 303)


def _get_action_or_404(action_id: int, *, lock: bool = False) -> BulkAction:
    return runner.find(delivery_actions.SUBJECT, action_id, lock=lock)


@blueprint.get("/actions/<int:action_id>")
def action(action_id: int) -> str:
    """Show an action: what it would do, its progress, or its result."""
    bulk_action = _get_action_or_404(action_id)
    sample = delivery_actions.list_sample(bulk_action)
    return render_template(
        "operations/actions/action.html",
        action=bulk_action,
        sample=sample,
        repeats=delivery_actions.includes_unknown(bulk_action),
    )


@blueprint.post("/actions/<int:action_id>/start")
def start(action_id: int) -> Response:
    """Start an action, or continue it after a stop."""
    bulk_action = _get_action_or_404(action_id, lock=True)
    if runner.start(bulk_action):
        before, after = {"total": bulk_action.total}, dict(bulk_action.filter)
        audit.record(f"deliveries.{bulk_action.verb}", "action", bulk_action.id, before=before, after=after)
    db.session.commit()
    if not runner.wake_worker():
        flash(_("The broker does not answer: the action starts when it does."), "info")
    return redirect(url_for("operator_actions.action", action_id=action_id), 303)


@blueprint.post("/actions/<int:action_id>/stop")
def stop(action_id: int) -> Response:
    """Stop an action after the current batch."""
    bulk_action = _get_action_or_404(action_id, lock=True)
    if runner.stop(bulk_action):
        after = {"done": bulk_action.done, "total": bulk_action.total}
        audit.record("deliveries.stopped", "action", bulk_action.id, after=after)
    db.session.commit()
    return redirect(url_for("operator_actions.action", action_id=action_id), 303)
