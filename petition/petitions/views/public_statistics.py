"""A petition's statistics for everybody: page, charts, and a table for programs."""

from flask import Blueprint, abort, make_response, render_template, request
from werkzeug import Response

from petition.core.cache import get_or_create
from petition.core.charts import svg_response
from petition.core.i18n import current_language, explicit_language
from petition.core.security_headers import content_security_policy
from petition.core.spreadsheets import format_csv
from petition.petitions.models import Petition
from petition.petitions.presenter import present
from petition.petitions.statistics import charts
from petition.petitions.statistics.public import MIN_GROUP, get_public_statistics, list_rows
from petition.petitions.views.public import CACHE_CONTROL, get_public_or_404

ACCESS = "public"
CHARTS = {"hours": charts.plot_public_hours, "days": charts.plot_public_days}
CHARTS_SCRIPT = "charts.js"  # as in page.html
CHART_CACHE_CONTROL = "public, max-age=30"
blueprint = Blueprint("public_statistics", __name__, url_prefix="/p")


def _find(slug: str) -> Petition:
    petition = get_public_or_404(slug)
    if not petition.statistics_public:
        abort(404)
    return petition


@blueprint.get("/<slug>/figures")
def page(slug: str) -> Response:
    """Show how many signed when, and who they are, in groups."""
    petition, language = _find(slug), current_language()

    def render() -> str:
        statistics = get_public_statistics(petition)
        return render_template(
            "petitions/public_statistics/page.html",
            petition=present(petition, language),
            timezone=petition.timezone,
            statistics=statistics,
            plots={name: make_plot(statistics) for name, make_plot in CHARTS.items()},
            min_group=MIN_GROUP,
        )

    key = ("statistics page", slug, petition.state_now, language, explicit_language())
    response = make_response(get_or_create(key, render))
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers["Content-Security-Policy"] = content_security_policy(inline_scripts=[CHARTS_SCRIPT])
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/<slug>/figures/<name>.svg")
def chart(slug: str, name: str) -> Response:
    """Draw a chart of the last hours or days, for a narrow page and for a dark one too."""
    petition = _find(slug)
    if name not in CHARTS:
        abort(404)
    narrow, dark = "narrow" in request.args, "dark" in request.args

    def draw() -> bytes:
        return CHARTS[name](get_public_statistics(petition)).draw(narrow=narrow, dark=dark)

    svg = get_or_create(("statistics chart", petition.id, name, narrow, dark, current_language()), draw, 30)
    response = svg_response(svg, 30)
    response.headers["Cache-Control"] = CHART_CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


@blueprint.get("/<slug>/figures.csv")
def table(slug: str) -> Response:
    """Return the statistics as CSV: the same in every language."""
    petition = _find(slug)
    response = make_response(
        get_or_create(("statistics table", slug), lambda: format_csv(list_rows(get_public_statistics(petition))))
    )
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{slug}-statistics.csv"'
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
