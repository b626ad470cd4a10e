"""The operators' pages: is mail flowing, what fails, and one signature's way."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from petition.bulk_actions import runner
from petition.core.charts import svg_response
from petition.core.db import db
from petition.delivery.models import PROBLEM_STATES
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING
from petition.operations import broker_stats, charts, delivery_actions, failures, queue_stats
from petition.operations import timeline as way
from petition.operations.health import evaluate_health
from petition.operations.labels import action_labels, cause_label, domain_problem_label, health_label, state_label
from petition.operations.models import Drift
from petition.operations.snapshot import DAY_TTL_SECONDS, get_last_day, get_recent_funnel, take_snapshot
from petition.signatures.models import Signature
from petition.signatures.search.search import SearchTimeout
from petition.team import audit
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
CHARTS = {"throughput": charts.draw_throughput, "latency": charts.draw_latency}
blueprint = Blueprint("operations", __name__, url_prefix="/ops")
require_roles(blueprint, TeamRole.OPERATOR)


for words in (cause_label, domain_problem_label, state_label, action_labels, health_label):
    blueprint.add_app_template_global(words)


@blueprint.get("/")
def index() -> str:
    """Answer: is mail flowing?"""
    now = take_snapshot()
    seen = broker_stats.read_broker_stats()
    day = get_last_day(now.at)
    return render_template(
        "operations/index.html",
        now=now,
        broker=seen,
        verdict=evaluate_health(now, seen),
        translate=_,
        day=[(slot, queue_stats.summarise_latency(slot.latency_counts)) for slot in reversed(day.hours)],
        speeds={
            "hour": queue_stats.summarise_latency(now.last_hour.latency_counts("confirmations")),
            "day": queue_stats.summarise_latency(queue_stats.merge_latency_counts(day.hours)),
        },
        funnels=[get_recent_funnel(now.at), (day.since, day.domains)],
        actions=runner.list_recent(delivery_actions.SUBJECT),
        drifts=list(db.session.scalars(select(Drift).order_by(Drift.id.desc()).limit(5))),
        everything=EVERYTHING,
    )


@blueprint.get("/plots/<name>.svg")
def plot(name: str) -> Response:
    """Draw the last day."""
    if name not in CHARTS:
        abort(404)
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    svg = CHARTS[name](get_last_day(now).hours, narrow="narrow" in request.args)
    return svg_response(svg, round(DAY_TTL_SECONDS))


def parse_filter(values: Any) -> failures.DeliveryFilter:
    """Return the filter that an address or a form names; what cannot be is left out."""
    queue, state = values.get("queue"), values.get("state")
    cause, domain = values.get("cause"), values.get("domain")
    return failures.DeliveryFilter(
        queue=queue if queue in EMAIL_QUEUES else None,
        state=state if state in PROBLEM_STATES else None,
        cause=cause[:80].replace("\0", "") if cause is not None else None,
        domain=domain[:255].replace("\0", "") if domain is not None else None,
    )


@blueprint.get("/failures")
def failed() -> str:
    """Show what is put off, failed or unknown, row by row."""
    which = parse_filter(request.args)
    found = failures.list_deliveries(which, _parse_cursor(request.args.get("before", "")))
    older = None
    if len(found) == failures.PAGE_SIZE:
        last = found[-1]
        moment = last.tried_at or last.created_at
        older = url_for("operations.failed", before=f"{moment.isoformat()}~{last.id}", **which.to_dict())  # type: ignore[arg-type]
    return render_template(
        "operations/failures.html",
        rows=found,
        which=which.to_dict(),
        older=older,
        queues=EMAIL_QUEUES,
        states=PROBLEM_STATES,
    )


def _parse_cursor(text: str) -> tuple[datetime, int] | None:
    moment, _sign, number = text.partition("~")
    try:
        found = datetime.fromisoformat(moment.replace(" ", "+")), int(number)
    except ValueError:
        return None
    return found if found[0].tzinfo and 0 < found[1] < 2**63 else None


@blueprint.get("/signatures")
def signatures() -> str:
    """Ask which signature."""
    return render_template("operations/signatures.html", found=None)


@blueprint.post("/signatures")
def search() -> str:
    """Find signatures by address or name: a form, as neither belongs into an address bar; on record."""
    query = request.form.get("query", "")[:320].replace("\0", "")
    try:
        found = way.find_signatures(query)
    except SearchTimeout as error:
        flash(str(error), "warning")
        return render_template("operations/signatures.html", found=None, query=query)
    how = "address" if "@" in query else "name"
    audit.record("signature.searched", "signature", after={"by": how, "found": len(found)})
    db.session.commit()
    return render_template("operations/signatures.html", found=found, query=query)


@blueprint.get("/signatures/<int:signature_id>")
def signature(signature_id: int) -> str:
    """Show one signature's way; who looked is on record."""
    found = db.session.get(Signature, signature_id) if signature_id < 2**63 else None
    if found is None:
        abort(404)
    events = way.build_timeline(found)
    audit.record("signature.viewed", "signature", signature_id)
    db.session.commit()
    return render_template("operations/signature.html", signature=found, events=events, translate=_)
