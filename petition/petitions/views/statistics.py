"""A campaign's statistics: totals, over time, by profession and place, and from submission to confirmation."""

from flask import Blueprint, Response, abort, render_template, request

from petition.core.charts import svg_response
from petition.petitions import charts
from petition.petitions.counters import get_count
from petition.petitions.labels import dimension_label, dimension_value_label
from petition.petitions.statistics import MAX_VALUES_PER_DIMENSION, get_statistics
from petition.petitions.views.desk import get_or_404
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner"
CHARTS = {"hours": charts.draw_hourly_chart, "days": charts.draw_daily_chart}
CHART_CACHE_SECONDS = 30
blueprint = Blueprint("campaign", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER)
for function in (dimension_label, dimension_value_label):
    blueprint.add_app_template_global(function)


@blueprint.get("/<slug>/campaign")
def page(slug: str) -> str:
    """Show a campaign's statistics."""
    petition = get_or_404(slug)
    statistics = get_statistics(petition)
    asked = {"source", "language", *petition.asks} | ({"area"} if "postal_code" in petition.asks else set())
    breakdowns = {
        name: breakdown
        for name, breakdown in statistics.breakdowns.items()
        if name in asked or breakdown.rows or breakdown.others
    }
    return render_template(
        "petitions/statistics/page.html",
        petition=petition,
        statistics=statistics,
        breakdowns=breakdowns,
        count=get_count(petition),
        max_values=MAX_VALUES_PER_DIMENSION,
    )


@blueprint.get("/<slug>/campaign/<name>.svg")
def plot(slug: str, name: str) -> Response:
    """Draw a chart of the last hours or days."""
    petition = get_or_404(slug)
    if name not in CHARTS:
        abort(404)
    return svg_response(CHARTS[name](get_statistics(petition), narrow="narrow" in request.args), CHART_CACHE_SECONDS)
