"""The team's page about clusters of signatures that look forged."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug import Response as WerkzeugResponse

from petition.bulk_actions.runner import NoMatchingRows
from petition.core.charts import svg_response
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.integrity import board, trends
from petition.integrity.labels import cluster_label, signal_label, trend_label
from petition.integrity.models import IntegrityCluster
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.views.desk import get_or_404
from petition.signatures.staff.actions import validate_reason
from petition.team.models import TeamRole
from petition.team.permissions import current_account, require_roles

ACCESS = "campaigner"
CHART_CACHE_SECONDS = 60
blueprint = Blueprint("integrity", __name__, url_prefix="/desk")
require_roles(blueprint, TeamRole.CAMPAIGNER)
for function in (cluster_label, signal_label, trend_label):
    blueprint.add_app_template_global(function)


@blueprint.get("/petitions/<slug>/integrity")
def index(slug: str) -> str:
    """Show the clusters of a petition, what is quarantined, and the trends."""
    petition = get_or_404(slug)
    found = {name: trends.read_trend(petition.id, name) for name in trends.NAMES}
    return render_template(
        "integrity/index.html",
        petition=petition,
        count=get_count(petition),
        quarantined=board.count_quarantined(petition.id),
        max_counted=board.MAX_COUNTED,
        clusters=board.list_clusters(petition.id),
        get_score=board.get_score,
        trends=found,
        plots={name: trends.plot_trend(trend) for name, trend in found.items()},
    )


@blueprint.get("/petitions/<slug>/integrity/<name>.svg")
def plot(slug: str, name: str) -> Response:
    """Draw the domains or the networks that most signatures come from."""
    petition = get_or_404(slug)
    if name not in trends.NAMES:
        abort(404)
    plot = trends.plot_trend(trends.read_trend(petition.id, name))
    svg = plot.draw(narrow="narrow" in request.args, dark="dark" in request.args)
    return svg_response(svg, CHART_CACHE_SECONDS)


@blueprint.get("/integrity/<int:cluster_id>")
def cluster(cluster_id: int) -> str:
    """Show a cluster: what speaks for and against it, some of its signatures, and what can be done."""
    return _render(board.find_cluster(cluster_id), "", {})


@blueprint.post("/integrity/<int:cluster_id>/<any(release, strike, ignore):verb>")
def act(cluster_id: int, verb: str) -> WerkzeugResponse | tuple[str, int]:
    """Release or strike what a cluster quarantined, which a bulk action previews first; or ignore the cluster."""
    found = board.find_cluster(cluster_id, lock=True)
    try:
        reason = validate_reason(request.form)
        if verb == "ignore":
            board.ignore(found, reason)
            db.session.commit()
            flash(_("Ignored: no rule holds it any more."), "success")
            return redirect(url_for("integrity.cluster", cluster_id=cluster_id), 303)
        action = board.prepare(found, verb, reason, _account_name())
    except NoMatchingRows:
        db.session.rollback()
        error = {"form": _("This cluster has no signature in quarantine: there is nothing to do.")}
        return _render(board.find_cluster(cluster_id), request.form.get("reason", ""), error), 422
    except ValidationError as error:
        db.session.rollback()
        return _render(board.find_cluster(cluster_id), request.form.get("reason", ""), error.errors), 422
    db.session.commit()
    return redirect(url_for("signature_runs.show", action_id=action.id), 303)


@blueprint.post("/integrity/<int:cluster_id>/watch")
def watch(cluster_id: int) -> WerkzeugResponse:
    """Let rules hold a cluster again that was ignored."""
    board.watch_again(board.find_cluster(cluster_id, lock=True))
    db.session.commit()
    flash(_("Watched again."), "success")
    return redirect(url_for("integrity.cluster", cluster_id=cluster_id), 303)


def _render(found: IntegrityCluster, reason: str, errors: dict[str, str]) -> str:
    petition = db.session.get(Petition, found.petition_id)
    return render_template(
        "integrity/cluster.html",
        petition=petition,
        cluster=found,
        quarantined=board.count_quarantined(found.petition_id, found.id),
        sample=board.list_sample(found),
        get_score=board.get_score,
        reason=reason,
        errors=errors,
    )


def _account_name() -> str:
    account = current_account()
    return (account.name or account.email) if account else ""
