"""The JSON API of petitions."""

from dataclasses import fields
from typing import Any

from flask import abort
from flask.views import MethodView

from petition.core.i18n import N_, current_language
from petition.core.openapi import (
    ACCESS_PUBLIC,
    EXAMPLE_SLUG,
    SLUG_LINK_PARAMETERS,
    ApiBlueprint,
    document_operation,
    document_problems,
)
from petition.petitions.counters import Count, get_count, get_counts
from petition.petitions.models import Petition
from petition.petitions.presenter import present
from petition.petitions.queries import list_public
from petition.petitions.schemas import (
    CountSchema,
    FullPetitionSchema,
    LanguageQuery,
    PetitionSchema,
    StatisticsSchema,
)
from petition.petitions.statistics.campaign import TimeBucket
from petition.petitions.statistics.public import MIN_GROUP, get_public_statistics
from petition.petitions.views.cors import allow_listed_sites
from petition.petitions.views.public import get_public_or_404

ACCESS = ACCESS_PUBLIC
FIRST_SLUG = {"slug": "$response.body#/0/slug"}
blueprint = ApiBlueprint(
    "petitions_api", __name__, url_prefix="/api/v1/petitions", description="Petitions and open letters"
)
allow_listed_sites(blueprint)


def _serialise(petition: Petition, count: Count) -> dict[str, Any]:
    shown = present(petition, current_language())
    return {
        **{field.name: getattr(shown, field.name) for field in fields(shown)},
        "body_html": shown.body_html,
        "professions": shown.profession_forms,
        "count": count,
    }


EXAMPLE_COUNT = {"confirmed": 640, "people": 610, "organisations": 30, "paper": 85, "goal": 1000}
EXAMPLE_PETITION = {
    "slug": EXAMPLE_SLUG, "kind": "open_letter", "state": "open", "title": "Pour un accès à Internet en prison",
    "summary": "Nous demandons d’ouvrir cet accès.", "addressee": "Élisabeth Borne, Première ministre",
    "sender_name": "Internet en prison", "language": "fr", "languages": ["fr", "en"], "closes_on": None,
    "delivered_on": None, "won_on": None, "count": EXAMPLE_COUNT,
}  # fmt: skip
EXAMPLE_FULL_PETITION = EXAMPLE_PETITION | {
    "body": "Madame la Première ministre, …", "body_html": "<p>Madame la Première ministre, …</p>\n",
    "asks": ["profession", "city"], "professions": ["Avocate", "Avocat"], "listing": "opt_in",
    "accepts_organisations": True, "named_total": 100, "named_profession": None, "passes_on_to": None,
}  # fmt: skip


@blueprint.route("")
class Petitions(MethodView):
    """All public petitions."""

    @blueprint.arguments(LanguageQuery(), location="query")
    @blueprint.response(200, PetitionSchema(many=True), example=[EXAMPLE_PETITION])
    @document_problems(blueprint, 422)
    @document_operation(
        blueprint,
        "list_petitions",
        200,
        N_("List the petitions, open ones first."),
        show_petition=FIRST_SLUG,
        count=FIRST_SLUG,
        list_signatories=FIRST_SLUG,
        sign=FIRST_SLUG,
    )
    def get(self, _query: dict[str, Any]) -> list[dict[str, Any]]:
        """List the petitions, open ones first."""
        shown = list_public()
        counted = get_counts(shown)
        return [_serialise(petition, counted[petition.id]) for petition in shown]


@blueprint.route("/<slug>")
class OnePetition(MethodView):
    """One petition."""

    @blueprint.arguments(LanguageQuery(), location="query")
    @blueprint.response(200, FullPetitionSchema, example=EXAMPLE_FULL_PETITION)
    @document_problems(blueprint, 404, 410, 422)
    @document_operation(
        blueprint,
        "show_petition",
        200,
        N_("Return a petition with its text."),
        count=SLUG_LINK_PARAMETERS,
        list_signatories=SLUG_LINK_PARAMETERS,
        sign=SLUG_LINK_PARAMETERS,
    )
    def get(self, _query: dict[str, Any], slug: str) -> dict[str, Any]:
        """Return a petition with its text."""
        petition = get_public_or_404(slug)
        return _serialise(petition, get_count(petition))


@blueprint.route("/<slug>/count")
class PetitionCount(MethodView):
    """The count of one petition."""

    @blueprint.response(200, CountSchema, example=EXAMPLE_COUNT)
    @document_problems(blueprint, 404, 410)
    @document_operation(
        blueprint, "count", 200, N_("Return the exact count of confirmed signatures."), sign=SLUG_LINK_PARAMETERS
    )
    def get(self, slug: str) -> Count:
        """Return the exact count of confirmed signatures."""
        return get_count(get_public_or_404(slug))


EXAMPLE_STATISTICS = {
    "as_of": "2022-10-10T10:00:00+00:00", "min_group": 5, "count": EXAMPLE_COUNT, "confirmed_earlier": 0,
    "days": [{"starts_at": "2022-10-10", "confirmed": 47}],
    "hours": [{"starts_at": "2022-10-10T12:00:00+02:00", "confirmed": 6}],
    "groups": {
        "profession": {"values": [{"value": "Avocate", "confirmed": 83}], "other": 37, "not_given": 520},
        "language": {"values": [{"value": "fr", "confirmed": 640}], "other": 0, "not_given": 0},
    },
}  # fmt: skip


@blueprint.route("/<slug>/statistics")
class PetitionStatistics(MethodView):
    """The statistics of one petition."""

    @blueprint.response(200, StatisticsSchema, example=EXAMPLE_STATISTICS)
    @document_problems(blueprint, 404, 410)
    @document_operation(
        blueprint,
        "statistics",
        200,
        N_("Return how many signed when, and who they are in groups of five at least; 404 where that is not public."),
        sign=SLUG_LINK_PARAMETERS,
    )
    def get(self, slug: str) -> dict[str, Any]:
        """Return the statistics, in groups that show no one."""
        petition = get_public_or_404(slug)
        if not petition.statistics_public:
            abort(404)
        statistics = get_public_statistics(petition)
        return {
            "as_of": statistics.as_of,
            "min_group": MIN_GROUP,
            "count": statistics.count,
            "confirmed_earlier": statistics.confirmed_earlier,
            "days": _serialise_moments(statistics.days),
            "hours": _serialise_moments(statistics.hours),
            "groups": {
                name: {
                    "values": [{"value": label, "confirmed": n} for label, n in group.rows],
                    "other": group.other,
                    "not_given": group.not_given,
                }
                for name, group in statistics.groups.items()
            },
        }


def _serialise_moments(buckets: list[TimeBucket]) -> list[dict[str, Any]]:
    return [{"starts_at": bucket.starts_at.isoformat(), "confirmed": bucket.confirmed} for bucket in buckets]
