"""The handing over of a petition for a token: its day, from which the keeping of data is counted."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from petition.core.db import db
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.petitions import queries as petition_queries
from petition.retention import announcements
from petition.retention.schedule import get_plan
from petition.team.api_tokens.access import ACCESS_TOKEN, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "handover_api", __name__, url_prefix="/api/v1/desk/petitions/<slug>/handed-over",
    description="The handing over of a petition for a token",
)  # fmt: skip


class HandoverSchema(ma.Schema):
    """The day on which signatures were handed over; null: they were not."""

    on = ma.fields.Date(required=True, allow_none=True)


class PlanSchema(ma.Schema):
    """What becomes of the data."""

    state = ma.fields.String(required=True)
    runs_at = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": N_("when signatures are anonymised")}
    )


@blueprint.route("")
class Handover(MethodView):
    """The handing over."""

    @require_scope(blueprint, Scope.PETITIONS_MANAGE)
    @blueprint.arguments(HandoverSchema(), example={"on": "2022-11-14"})
    @blueprint.response(200, PlanSchema(), example={"state": "planned", "runs_at": "2023-11-14T00:00:00+00:00"})
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "record_handover", 200, N_("Record on which day a petition was handed over, or that it was not.")
    )
    def put(self, body: dict[str, Any], slug: str) -> dict[str, Any]:
        """Record on which day a petition was handed over, or that it was not."""
        petition = petition_queries.find_by_slug(slug, lock=True)
        require_petition(petition.id)
        announcements.record_handover(petition, body["on"])
        db.session.commit()
        plan = get_plan(petition)
        return {"state": plan.state, "runs_at": plan.runs_at}
