"""Bulk actions on signatures for a token: prepared first, with the exact number, then started, stopped, undone."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.bulk_actions.representation import represent_bulk_action
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, ValidationError
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.bulk_action_schemas import EXAMPLE_BULK_ACTION, BulkActionSchema
from petition.integrations.api.scoped import actor_name
from petition.integrations.api.signature_schemas import SignatureFilterSchema
from petition.integrations.api.signatures import require_petition_of
from petition.integrity import board
from petition.petitions import queries as petition_queries
from petition.signatures.search.filters import parse_filter
from petition.signatures.staff.actions import validate_reason
from petition.signatures.staff.invalidate import (
    SUBJECT,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
)
from petition.signatures.staff.quarantine import CLUSTERS, prepare_bulk_quarantine, prepare_bulk_release, prepare_undo
from petition.team import audit
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_LISTED = 50
PREPARE = {
    "invalidate": prepare_bulk_invalidation, "quarantine": prepare_bulk_quarantine, "release": prepare_bulk_release,
}  # fmt: skip
UNDO = {"invalidate": prepare_bulk_reinstatement, "quarantine": prepare_undo, "release": prepare_undo}
blueprint = ApiBlueprint(
    "bulk_actions_api", __name__, url_prefix="/api/v1/signatures/bulk-actions",
    description="Bulk actions on signatures for a token",
)  # fmt: skip


class SignatureBulkActionSchema(BulkActionSchema):
    """A bulk action on signatures. Of what it was to find, names and addresses are not kept."""

    filter = ma.fields.Dict(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    undoes = ma.fields.Integer(required=True, allow_none=True, metadata={"description": N_("the action it reverts")})


class NewBulkActionSchema(ma.Schema):
    """What to do to which signatures. In the body, as names and addresses must not be in a URL."""

    verb = ma.fields.String(required=True, validate=validate.OneOf(tuple(PREPARE)))
    reason = ma.fields.String(
        required=True, metadata={"description": N_("it stays in the audit trail: no name and no address")}
    )
    filter = ma.fields.Nested(SignatureFilterSchema, required=True)


class BulkActionStepSchema(ma.Schema):
    """What is next: start it or resume it, stop it, or prepare another action that puts back what it changed."""

    step = ma.fields.String(required=True, validate=validate.OneOf(("start", "stop", "undo")))
    total = ma.fields.Integer(
        validate=validate.Range(0, 2**31 - 1),
        metadata={"description": N_("of start: how many signatures you mean; 409 if it is another number")},
    )


EXAMPLE = EXAMPLE_BULK_ACTION | {
    "filter": {"petition": "internet-en-prison", "domain": "example.org"}, "reason": "signed by a machine",
    "undoes": None,
}  # fmt: skip
EXAMPLE_NEW = {
    "verb": "invalidate", "reason": "signed by a machine",
    "filter": {"petition": "internet-en-prison", "domain": "example.org"},
}  # fmt: skip


def represent_action(action: BulkAction) -> dict[str, Any]:
    """Return a bulk action with what it was to find."""
    return represent_bulk_action(action) | {
        "filter": action.filter, "reason": action.reason, "undoes": action.undoes,
    }  # fmt: skip


def _petition_id(action: BulkAction) -> int | None:
    """Return the one petition that an action is about; None where it may be about several."""
    if action.undoes is not None:
        action = runner.find(SUBJECT, action.undoes)
    if clusters := action.filter.get(CLUSTERS):
        return board.find_petition_of(clusters)
    slug = action.filter.get("petition")
    return petition_queries.find_by_slug(slug).id if slug else None


def _find(number: int, *, lock: bool = False) -> BulkAction:
    action = runner.find(SUBJECT, number, lock=lock)
    require_petition(_petition_id(action))
    return action


@blueprint.route("")
class BulkActions(MethodView):
    """All bulk actions on signatures."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, SignatureBulkActionSchema(many=True), example=[EXAMPLE])
    @document_operation(blueprint, "list_bulk_actions", 200, N_("List the last bulk actions that were started."))
    def get(self) -> list[dict[str, Any]]:
        """List the last bulk actions that were started."""
        only = current_token().petition_id
        found = runner.list_recent(SUBJECT, MAX_LISTED)
        return [represent_action(action) for action in found if only is None or _petition_id(action) == only]

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(NewBulkActionSchema(), example=EXAMPLE_NEW)
    @blueprint.response(201, SignatureBulkActionSchema(), example=EXAMPLE | {"state": "draft", "done": 0, "left": 1200})
    @document_problems(blueprint, 400, 413, 422)
    @document_operation(
        blueprint, "prepare_bulk_action", 201,
        N_("Fix the set of signatures to invalidate, quarantine or release, and count it; none is changed yet."),
    )  # fmt: skip
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Fix the set of signatures to invalidate, quarantine or release, and count it; none is changed yet."""
        criteria = parse_filter({name: str(value) for name, value in body["filter"].items()})
        require_petition_of(criteria)
        if not criteria.criteria():
            raise ValidationError({"filter": _("Say which signatures.")})
        action = PREPARE[body["verb"]](criteria, validate_reason(body), actor_name())
        db.session.commit()
        return represent_action(action)


@blueprint.route("/<int:number>")
class OneBulkAction(MethodView):
    """One bulk action."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, SignatureBulkActionSchema(), example=EXAMPLE)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "show_bulk_action", 200, N_("Return how far a bulk action is."))
    def get(self, number: int) -> dict[str, Any]:
        """Return how far a bulk action is."""
        return represent_action(_find(number))


@blueprint.route("/<int:number>/steps")
class BulkActionSteps(MethodView):
    """What moves a bulk action on."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(BulkActionStepSchema(), example={"step": "start", "total": 1200})
    @blueprint.response(200, SignatureBulkActionSchema(), example=EXAMPLE)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "move_bulk_action", 200,
        N_("Start, resume or stop a bulk action, or prepare another that undoes it."),
    )  # fmt: skip
    def post(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        """Start, resume or stop a bulk action, or prepare another that undoes it."""
        action, step = _find(number, lock=True), body["step"]
        if step == "undo":
            made = _prepare_undo(action)
            db.session.commit()
            return represent_action(made)
        if step == "start":
            if body.get("total", action.total) != action.total:
                raise InvalidTransition({"total": _("It would change another number of signatures.")})
            if runner.start(action):
                after = {"filter": action.filter, "reason": action.reason, "undoes": action.undoes}
                audit.record(
                    f"signatures.{action.verb}", "action", action.id, before={"total": action.total}, after=after
                )
            elif action.state != BulkActionState.RUNNING:
                raise InvalidTransition({"step": _("It has ended, or was undone.")})
        elif runner.stop(action):
            after = {"done": action.done, "total": action.total}
            audit.record("signatures.stopped", "action", action.id, after=after)
        db.session.commit()
        if step == "start":
            runner.wake_worker()
        return represent_action(action)


def _prepare_undo(action: BulkAction) -> BulkAction:
    if action.verb not in UNDO or action.undoes or action.state in (BulkActionState.RUNNING, BulkActionState.DRAFT):
        raise InvalidTransition({"step": _("It cannot be undone now.")})
    return UNDO[action.verb](action, actor_name())
