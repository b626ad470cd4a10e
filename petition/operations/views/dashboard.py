"""Dashboard of the mail queue, and list of failures."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from sqlalchemy import func, select

from petition.backups.journal import read_lag
from petition.bulk_actions import runner
from petition.core.charts import svg_response
from petition.core.db import db
from petition.core.spreadsheets import BOM, format_csv
from petition.delivery import pauses
from petition.delivery.models import DeliveryState
from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES, EVERYTHING, WEBHOOKS
from petition.operations import failures
from petition.operations.actions import delivery_actions
from petition.operations.health.evaluation import evaluate_health
from petition.operations.probes import untrusted_proxies
from petition.operations.runbook import read_runbook
from petition.operations.statistics import broker_stats, charts, csv_tables, queue_stats
from petition.operations.statistics.reconcile import list_recent_drifts
from petition.operations.statistics.snapshot import DAY_TTL_SECONDS, get_last_day, get_recent_funnel, take_snapshot
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
CHARTS = {"throughput": charts.plot_throughput, "latency": charts.plot_latency}
blueprint = Blueprint("operations", __name__, url_prefix="/ops")
require_roles(blueprint, TeamRole.OPERATOR)


@blueprint.get("/")
def index() -> str:
    """Show whether mail flows, and why not."""
    snapshot = take_snapshot()
    broker = broker_stats.read_broker_stats(current_app.config["BROKER_URL"])
    day = get_last_day(snapshot.at)
    dead = [group for group in snapshot.groups if group.is_dead(snapshot.at)]
    return render_template(
        "operations/dashboard/index.html",
        snapshot=snapshot,
        groups=[group for group in snapshot.groups if group not in dead],
        dead=dead,
        dead_after=failures.DEAD_AFTER,
        broker=broker,
        health=evaluate_health(snapshot.facts, broker),
        hours=[(hour, queue_stats.summarise_latency(hour.latency_counts)) for hour in reversed(day.hours)],
        plots={name: make_plot(day.hours) for name, make_plot in CHARTS.items()},
        latencies={
            "hour": queue_stats.summarise_latency(snapshot.last_hour.latency_counts(CONFIRMATIONS.name)),
            "day": queue_stats.summarise_latency(queue_stats.merge_latency_counts(day.hours)),
        },
        funnels=[get_recent_funnel(snapshot.at), (day.since, day.domains)],
        actions=runner.list_recent(delivery_actions.SUBJECT),
        drifts=list_recent_drifts(),
        journal=read_lag(),
        behind_uncounted_proxy=untrusted_proxies.is_current(snapshot.probes.get(untrusted_proxies.PROXIES)),
        everything=EVERYTHING,
        webhooks_failed=snapshot.webhooks.failed,
        webhooks_per_minute=[
            snapshot.last_hour.count_entered(WEBHOOKS, DeliveryState.SENT, window) * timedelta(minutes=1) / window
            for window in (timedelta(minutes=1), queue_stats.RATE_WINDOW)
        ],
    )


@blueprint.get("/plots/<name>.svg")
def plot(name: str) -> Response:
    """Draw a chart of the last day."""
    if name not in CHARTS:
        abort(404)
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    svg = CHARTS[name](get_last_day(now).hours).draw(narrow="narrow" in request.args, dark="dark" in request.args)
    return svg_response(svg, round(DAY_TTL_SECONDS))


@blueprint.get("/runbook")
def runbook() -> str:
    """Show what to do about each alert and each reason why mail does not flow."""
    return render_template("operations/dashboard/runbook.html", sections=read_runbook())


@blueprint.get("/statistics/<name>.csv")
def statistics(name: str) -> Response:
    """Return a table of the dashboard as a file for spreadsheets."""
    if name not in csv_tables.TABLES:
        abort(404)
    rows = csv_tables.TABLES[name](db.session.execute(select(func.now())).scalar_one())
    response = current_app.response_class(BOM + format_csv(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="mail-{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/failures")
def failed() -> str:
    """List deferred, failed and unknown emails one by one; without a filter, those of the daily view."""
    is_filtered = any(name in request.args for name in failures.DeliveryFilter.__dataclass_fields__)
    which = failures.DeliveryFilter.parse(request.args if is_filtered else {"age": "recent"})
    chosen = which.to_dict()
    page = failures.list_deliveries(which, failures.parse_cursor(request.args.get("before", "")))
    older = None
    if page.next:
        older = url_for("operations.failed", before=page.next, **chosen)  # type: ignore[arg-type]
    return render_template(
        "operations/dashboard/failures.html",
        rows=page.items,
        which=chosen,
        older=older,
        queues=EMAIL_QUEUES,
        states=failures.FILTER_STATES,
        ages=failures.AGES,
        dead_after=failures.DEAD_AFTER,
        paused=bool(which.queue and pauses.is_paused(which.queue)),
    )
