"""The team's page about clusters of signatures that look forged."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _
from werkzeug import Response as WerkzeugResponse

from petition.bulk_actions.runner import NoMatchingRows, TooManyRows
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
    """Show the clusters of a petition, what is quarantined, and the trends.

    `ticked`: clusters whose boxes are ticked, by id or by the name of their table.
    """
    return _render_index(get_or_404(slug), set(request.args.getlist("ticked")), "", {})


def _render_index(petition: Petition, ticked: set[str], reason: str, errors: dict[str, str]) -> str:
    found = {name: trends.read_trend(petition.id, name) for name in trends.NAMES}
    return render_template(
        "integrity/desk/index.html",
        petition=petition,
        count=get_count(petition),
        quarantined=board.count_quarantined(petition.id),
        max_counted=board.MAX_COUNTED,
        clusters=board.list_clusters(petition.id),
        get_score=board.get_score,
        trends=found,
        plots={name: trends.plot_trend(trend) for name, trend in found.items()},
        ticked=ticked,
        reason=reason,
        errors=errors,
    )


@blueprint.post("/petitions/<slug>/integrity/<any(release, strike, ignore, watch):verb>")
def act_on_ticked(slug: str, verb: str) -> WerkzeugResponse | tuple[str, int]:
    """Release or strike what the ticked clusters quarantined, previewed first; or ignore, or watch, the clusters."""
    petition = get_or_404(slug)
    ids = request.form.getlist("id", type=int)
    ticked = {str(number) for number in ids}
    try:
        clusters = board.find_clusters(petition.id, ids)
        if not clusters:
            raise ValidationError({"form": _("Nothing is ticked: please tick the clusters that this is about.")})
        if verb == "watch":
            board.watch_again(clusters)
            flash(_("Watched again."), "success")
        else:
            reason = validate_reason(request.form)
            if verb != "ignore":
                action = board.prepare(clusters, verb, reason, _account_name())
                db.session.commit()
                return redirect(url_for("signature_bulk.show", action_id=action.id), 303)
            board.ignore(clusters, reason)
            flash(_("Ignored: no rule holds them any more. They stay ticked, so that you can take it back."), "success")
    except ValidationError as error:
        db.session.rollback()
        return _render_index(get_or_404(slug), ticked, request.form.get("reason", ""), _explain(error)), 422
    db.session.commit()
    still = sorted(ticked) if verb == "ignore" else []
    return redirect(url_for("integrity.index", slug=slug, ticked=still, _anchor="act" if still else None), 303)


def _explain(error: ValidationError) -> dict[str, str]:
    """Return what is wrong, by field, in words of this page."""
    if isinstance(error, NoMatchingRows):
        return {"form": _("None of their signatures is in quarantine: there is nothing to do.")}
    if isinstance(error, TooManyRows):
        number = format_decimal(error.max_rows)
        return {"form": _("These are more than %(number)s at once. Please choose fewer clusters.", number=number)}
    return error.errors


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
            board.ignore([found], reason)
            db.session.commit()
            flash(_("Ignored: no rule holds it any more."), "success")
            return redirect(url_for("integrity.cluster", cluster_id=cluster_id), 303)
        action = board.prepare([found], verb, reason, _account_name())
    except ValidationError as error:
        db.session.rollback()
        return _render(board.find_cluster(cluster_id), request.form.get("reason", ""), _explain(error)), 422
    db.session.commit()
    return redirect(url_for("signature_bulk.show", action_id=action.id), 303)


@blueprint.post("/integrity/<int:cluster_id>/watch")
def watch(cluster_id: int) -> WerkzeugResponse:
    """Let rules hold a cluster again that was ignored."""
    board.watch_again([board.find_cluster(cluster_id, lock=True)])
    db.session.commit()
    flash(_("Watched again."), "success")
    return redirect(url_for("integrity.cluster", cluster_id=cluster_id), 303)


def _render(found: IntegrityCluster, reason: str, errors: dict[str, str]) -> str:
    petition = db.session.get(Petition, found.petition_id)
    return render_template(
        "integrity/desk/cluster.html",
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
