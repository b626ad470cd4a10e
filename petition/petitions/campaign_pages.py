"""A campaign's page: how many, since when, from where, as whom, and how far the links get."""

from flask import Blueprint, Response, abort, render_template, request

from petition.petitions import plots
from petition.petitions.count import count_of
from petition.petitions.figures import DIMENSIONS, SHOWN, figures
from petition.petitions.manage import held
from petition.petitions.words import dimension_words, label_words
from petition.team.access import guard
from petition.team.charts import picture
from petition.team.models import CAMPAIGNER

ACCESS = "campaigner"
PLOTS = {"hours": plots.hours, "days": plots.days}
PLOT_LASTS = 30  # seconds
blueprint = Blueprint("campaign", __name__, url_prefix="/desk/petitions")
guard(blueprint, CAMPAIGNER)
for words in (dimension_words, label_words):
    blueprint.add_app_template_global(words)


@blueprint.get("/<slug>/campaign")
def page(slug: str) -> str:
    """Show a campaign's figures."""
    petition = held(slug)
    found = figures(petition)
    asked = {"source", "language", *petition.asks} | ({"area"} if "postal_code" in petition.asks else set())
    tops = {
        name: top
        for name, top in found.tops.items()
        if name in DIMENSIONS and (name in asked or top.rows or top.others)
    }
    return render_template(
        "petitions/campaign.html", petition=petition, found=found, tops=tops, count=count_of(petition), most=SHOWN
    )


@blueprint.get("/<slug>/campaign/<name>.svg")
def plot(slug: str, name: str) -> Response:
    """Draw the last hours or days."""
    petition = held(slug)
    if name not in PLOTS:
        abort(404)
    return picture(PLOTS[name](figures(petition), narrow="narrow" in request.args), PLOT_LASTS)
