"""Clusters of signatures that look forged, for a token: list, ignore, watch, release or invalidate, as on the desk."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import validate

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.i18n import N_
from petition.core.ids import MAX_ID
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.integrations.api.bulk_actions import EXAMPLE as EXAMPLE_ACTION
from petition.integrations.api.bulk_actions import SignatureBulkActionSchema, represent_action
from petition.integrations.api.scoped import actor_name, find_petition
from petition.integrity import board
from petition.integrity.models import IntegrityCluster
from petition.signatures.staff.actions import validate_reason
from petition.team.api_tokens.access import ACCESS_TOKEN, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
VERBS = ("release", "strike", "ignore", "watch")
blueprint = ApiBlueprint(
    "clusters_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/clusters",
    description="Clusters of signatures for a token",
)  # fmt: skip


class ClusterSchema(ma.Schema):
    """Signatures that have something in common, and what speaks for or against them."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    key = ma.fields.String(
        required=True, metadata={"description": N_("a domain, or the hash of a mailbox or a network")}
    )
    status = ma.fields.String(required=True, validate=validate.OneOf(("held", "watched", "ignored")))
    signatures = ma.fields.Integer(required=True)
    confirmed = ma.fields.Integer(required=True)
    score = ma.fields.Float(required=True)
    signals = ma.fields.Dict(required=True)
    ignored_because = ma.fields.String(required=True, allow_none=True)


class ClusterStepSchema(ma.Schema):
    """What to do with clusters; `release` and `strike` prepare a bulk action, and change no signature yet."""

    step = ma.fields.String(required=True, validate=validate.OneOf(VERBS))
    clusters = ma.fields.List(
        ma.fields.Integer(validate=validate.Range(1, MAX_ID)), required=True,
        validate=validate.Length(1, board.MAX_CLUSTERS_SHOWN),
    )  # fmt: skip
    reason = ma.fields.String(metadata={"description": N_("it stays in the audit trail: no name and no address")})


class ClusterStepDoneSchema(ma.Schema):
    """The bulk action that was prepared, if one was: start it as any other."""

    action = ma.fields.Nested(SignatureBulkActionSchema, required=True, allow_none=True)


EXAMPLE = {
    "id": 12, "kind": "domain", "key": "example.org", "status": "held", "signatures": 412, "confirmed": 390,
    "score": 4.5, "signals": {"large": [0.4, 0.05]}, "ignored_because": None,
}  # fmt: skip


def _represent(cluster: IntegrityCluster, status: str) -> dict[str, Any]:
    names = ("id", "kind", "key", "signatures", "confirmed", "signals", "ignored_because")
    return {name: getattr(cluster, name) for name in names} | {"status": status, "score": board.get_score(cluster)}


@blueprint.route("")
class Clusters(MethodView):
    """The clusters of a petition."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.response(200, ClusterSchema(many=True), example=[EXAMPLE])
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "list_clusters", 200, N_("List the clusters of a petition that are shown."))
    def get(self, slug: str) -> list[dict[str, Any]]:
        """List the clusters of a petition that are shown on the desk, the largest of each status first."""
        found = board.list_clusters(find_petition(slug).id)
        return [_represent(cluster, status) for status, clusters in found.items() for cluster in clusters]


@blueprint.route("/steps")
class ClusterSteps(MethodView):
    """What is done with clusters."""

    @require_scope(blueprint, Scope.SIGNATURES_MANAGE)
    @blueprint.arguments(
        ClusterStepSchema(), example={"step": "strike", "clusters": [12], "reason": "made by a machine"}
    )
    @blueprint.response(200, ClusterStepDoneSchema(), example={"action": EXAMPLE_ACTION | {"state": "draft"}})
    @document_problems(blueprint, 400, 404, 413, 422)
    @document_operation(
        blueprint, "act_on_clusters", 200,
        N_("Ignore clusters, watch them again, or prepare to release or invalidate what they quarantined."),
    )  # fmt: skip
    def post(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Ignore clusters, watch them again, or prepare to release or invalidate what they quarantined."""
        clusters = board.find_clusters(find_petition(slug).id, body["clusters"])
        if not clusters:
            raise NotFound({"clusters": "there are none of them any more"})
        action = None
        if body["step"] == "watch":
            board.watch_again(clusters)
        elif body["step"] == "ignore":
            board.ignore(clusters, validate_reason(body))
        else:
            action = board.prepare(clusters, body["step"], validate_reason(body), actor_name())
        db.session.commit()
        return {"action": represent_action(action) if action else None}
