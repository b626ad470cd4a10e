"""A campaign's statistics: totals, over time, by profession and place, and from submission to confirmation."""

from flask import Blueprint, Response, abort, render_template, request

from petition.core.charts import svg_response
from petition.core.i18n import current_language
from petition.petitions.counters import get_count
from petition.petitions.labels import dimension_label, dimension_value_label
from petition.petitions.partners.access import is_outsider, list_own
from petition.petitions.partners.models import PartnerRole
from petition.petitions.presenter import present
from petition.petitions.sharing.channels import PARTNER_PREFIX
from petition.petitions.statistics import charts
from petition.petitions.statistics.campaign import MAX_VALUES_PER_DIMENSION, DimensionBreakdown, get_statistics
from petition.petitions.views.desk import get_or_404
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
CHARTS = {"hours": charts.plot_hours, "days": charts.plot_days}
CHART_CACHE_SECONDS = 30
blueprint = Blueprint("petition_statistics", __name__, url_prefix="/desk/petitions")
require_roles(blueprint, TeamRole.CAMPAIGNER, partners=dict.fromkeys(("page", "plot"), PartnerRole.VIEWER))
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
    breakdowns["source"] = _hide_other_partners(breakdowns["source"])
    return render_template(
        "petitions/statistics/page.html",
        petition=petition,
        presented=present(petition, current_language()),
        statistics=statistics,
        plots={name: make_plot(statistics) for name, make_plot in CHARTS.items()},
        breakdowns=breakdowns,
        count=get_count(petition),
        max_values=MAX_VALUES_PER_DIMENSION,
    )


def _hide_other_partners(sources: DimensionBreakdown) -> DimensionBreakdown:
    """Return where signatures come from as the account may see it: of the partners, its own alone."""
    account = current_account()
    if account is None or not is_outsider(account):
        return sources
    own = {f"{PARTNER_PREFIX}{row.partner.key}" for row in list_own(account)}
    rows = [(label, n) for label, n in sources.rows if not label.startswith(PARTNER_PREFIX) or label in own]
    hidden = sum(n for _, n in sources.rows) - sum(n for _, n in rows)
    return DimensionBreakdown(rows, sources.unknown, sources.others + hidden)


@blueprint.get("/<slug>/campaign/<name>.svg")
def plot(slug: str, name: str) -> Response:
    """Draw a chart of the last hours or days."""
    petition = get_or_404(slug)
    if name not in CHARTS:
        abort(404)
    svg = CHARTS[name](get_statistics(petition)).draw(narrow="narrow" in request.args, dark="dark" in request.args)
    return svg_response(svg, CHART_CACHE_SECONDS)
