"""The JSON API of petitions."""

from dataclasses import fields
from typing import Any

from flask.views import MethodView

from petition.core.api import ACCESS_PUBLIC, SAME_SLUG, PetitionBlueprint, operation, problem_responses
from petition.core.i18n import current_language
from petition.petitions.count import Count, count_of, counts
from petition.petitions.models import Petition
from petition.petitions.pages import visible
from petition.petitions.publish import public
from petition.petitions.schemas import CountSchema, FullPetitionSchema, LanguageQuery, PetitionSchema
from petition.petitions.view import view

ACCESS = ACCESS_PUBLIC
FIRST = {"slug": "$response.body#/0/slug"}
blueprint = PetitionBlueprint(
    "petitions_api", __name__, url_prefix="/api/v1/petitions", description="What can be signed"
)


def _described(petition: Petition, count: Count) -> dict[str, Any]:
    shown = view(petition, current_language())
    return {
        **{field.name: getattr(shown, field.name) for field in fields(shown)},
        "body_html": shown.body_html,
        "count": count,
    }


@blueprint.route("")
class Petitions(MethodView):
    """All petitions that strangers may see."""

    @blueprint.arguments(LanguageQuery(), location="query")
    @blueprint.response(200, PetitionSchema(many=True))
    @problem_responses(blueprint, 422)
    @operation(blueprint, "list_petitions", 200, show_petition=FIRST, count=FIRST, list_signatories=FIRST, sign=FIRST)
    def get(self, _query: dict[str, Any]) -> list[dict[str, Any]]:
        """List the petitions, open ones first."""
        shown = public()
        counted = counts(shown)
        return [_described(petition, counted[petition.id]) for petition in shown]


@blueprint.route("/<slug>")
class OnePetition(MethodView):
    """One petition."""

    @blueprint.arguments(LanguageQuery(), location="query")
    @blueprint.response(200, FullPetitionSchema)
    @problem_responses(blueprint, 404, 422)
    @operation(blueprint, "show_petition", 200, count=SAME_SLUG, list_signatories=SAME_SLUG, sign=SAME_SLUG)
    def get(self, _query: dict[str, Any], slug: str) -> dict[str, Any]:
        """Return a petition with its text."""
        petition = visible(slug)
        return _described(petition, count_of(petition))


@blueprint.route("/<slug>/count")
class PetitionCount(MethodView):
    """The count of one petition."""

    @blueprint.response(200, CountSchema)
    @problem_responses(blueprint, 404)
    @operation(blueprint, "count", 200, sign=SAME_SLUG)
    def get(self, slug: str) -> Count:
        """Return the exact count of confirmed signatures."""
        return count_of(visible(slug))
