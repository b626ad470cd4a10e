"""Statistics of a petition: what its page of statistics at the desk shows."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.petitions import queries as petition_queries
from petition.petitions.models import PETITION_STATES
from petition.petitions.partners.models import PartnerRole
from petition.petitions.representation import represent_statistics
from petition.petitions.schemas import CountSchema, ValueSchema
from petition.team.api_tokens.access import ACCESS_TOKEN, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
blueprint = ApiBlueprint(
    "campaign_statistics_api", __name__, url_prefix="/api/v1/petitions", description="Statistics for a token"
)


class BucketSchema(ma.Schema):
    """A day: how many signed, and how many of those confirmed on it still count."""

    starts_at = ma.fields.Date(required=True, metadata={"description": N_("ISO 8601, in the petition’s time zone")})
    submitted = ma.fields.Integer(required=True)
    confirmed = ma.fields.Integer(required=True)


class BreakdownSchema(ma.Schema):
    """The largest values of what signers gave."""

    values = ma.fields.List(ma.fields.Nested(ValueSchema), required=True)
    other = ma.fields.Integer(required=True)
    not_given = ma.fields.Integer(required=True)


class CampaignStatisticsSchema(ma.Schema):
    """All statistics of a petition at one moment."""

    slug = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(PETITION_STATES))
    as_of = ma.fields.DateTime(required=True)
    count = ma.fields.Nested(CountSchema, required=True)
    submitted = ma.fields.Integer(required=True, metadata={"description": N_("all who signed")})
    mailed = ma.fields.Integer(required=True, metadata={"description": N_("who were sent a link")})
    confirmed = ma.fields.Integer(
        required=True, metadata={"description": N_("all who have confirmed, whatever happened since")}
    )
    days = ma.fields.List(ma.fields.Nested(BucketSchema), required=True)
    groups = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(BreakdownSchema), required=True)


EXAMPLE_STATISTICS = {
    "slug": "internet-en-prison", "state": "open", "as_of": "2022-10-10T10:00:00+00:00",
    "count": {"confirmed": 640, "people": 610, "organisations": 30, "paper": 85, "goal": 1000},
    "submitted": 702, "mailed": 702, "confirmed": 652,
    "days": [{"starts_at": "2022-10-10", "submitted": 51, "confirmed": 47}],
    "groups": {"city": {"values": [{"value": "Lyon", "confirmed": 83}], "other": 37, "not_given": 520}},
}  # fmt: skip


@blueprint.route("/<slug>/campaign-statistics")
class CampaignStatistics(MethodView):
    """The statistics of one petition."""

    @require_scope(blueprint, Scope.STATISTICS_READ, partners=PartnerRole.VIEWER)
    @blueprint.response(200, CampaignStatisticsSchema, example=EXAMPLE_STATISTICS)
    @document_problems(blueprint, 404)
    @document_operation(
        blueprint, "campaign_statistics", 200, N_("Return all statistics of a petition, a draft’s too.")
    )
    def get(self, slug: str) -> dict[str, Any]:
        """Return all statistics of a petition, a draft's too."""
        petition = petition_queries.find_by_slug(slug)
        require_petition(petition.id)
        return represent_statistics(petition)
