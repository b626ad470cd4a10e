"""History of the mail over weeks and months: of all, and of one mail provider."""

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, render_template, request
from sqlalchemy import func, select

from petition.core.charts import svg_response
from petition.core.db import db
from petition.core.spreadsheets import BOM, format_csv
from petition.delivery.pacing.actions import list_providers
from petition.delivery.queues import EMAIL_QUEUES
from petition.operations.statistics import charts, csv_tables, history
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
MAX_PROVIDER_LENGTH = 255
CHARTS = {
    "volume": charts.plot_volume, "waits": charts.plot_waits, "outcomes": charts.plot_outcomes,
    "rejections": charts.plot_rejections, "webhooks": charts.plot_webhooks,
}  # fmt: skip
blueprint = Blueprint("history", __name__, url_prefix="/ops/history")
require_roles(blueprint, TeamRole.OPERATOR)


def _read_now() -> datetime:
    return db.session.execute(select(func.now())).scalar_one()


def _period_or_404(name: str) -> history.Period:
    return history.PERIODS.get(name) or abort(404)


def _read_slots(name: str, provider: str | None, now: datetime) -> list[history.Slot]:
    period = _period_or_404(name)
    return history.read_slots(period, now, provider) if provider else list(history.get_slots(name, now))


def _requested_provider() -> str | None:
    return request.args.get("provider", "").replace("\0", "")[:MAX_PROVIDER_LENGTH] or None


@blueprint.get("/")
def index() -> str:
    """Show volume, waits and what each provider did, over the period of the query string: a month by default."""
    name, now = request.args.get("period", "month"), _read_now()
    slots = _read_slots(name, None, now)
    return render_template(
        "operations/history/index.html",
        name=name,
        periods=history.PERIODS,
        slots=slots,
        webhooks=any(slot.webhooks for slot in slots),
        plots={chart: make_plot(slots) for chart, make_plot in CHARTS.items()},
        providers=history.list_providers(history.PERIODS[name], now),
        queues=EMAIL_QUEUES,
    )


@blueprint.get("/<period>/<name>.svg")
def plot(period: str, name: str) -> Response:
    """Draw a chart, of all providers or of the one in the query string."""
    if name not in CHARTS:
        abort(404)
    slots = _read_slots(period, _requested_provider(), _read_now())
    svg = CHARTS[name](slots).draw(narrow="narrow" in request.args, dark="dark" in request.args)
    return svg_response(svg, round(history.TTL_SECONDS))


@blueprint.get("/<period>/<name>.csv")
def table(period: str, name: str) -> Response:
    """Return the table of the page, by time or by provider, as a file for spreadsheets."""
    now, provider = _read_now(), _requested_provider()
    if name == "slots":
        rows = csv_tables.make_history(_read_slots(period, provider, now))
    elif name == "providers":
        rows = csv_tables.make_providers(history.list_providers(_period_or_404(period), now))
    else:
        abort(404)
    response = current_app.response_class(BOM + format_csv(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="mail-{period}-{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/providers/<provider>")
def provider(provider: str) -> str:
    """Show one mail provider: its pace and limits, volume, waits, who confirms, and what it refused with its words."""
    name, now = request.args.get("period", "month"), _read_now()
    provider = provider.replace("\0", "")
    slots = _read_slots(name, provider, now)
    pace = next((each for each in list_providers() if each.name == provider), None)
    rejections = history.list_rejections(provider)
    found = next((each for each in history.list_providers(_period_or_404(name), now) if each.name == provider), None)
    if not (pace or found or rejections or any(slot.outcomes or any(slot.sent.values()) for slot in slots)):
        abort(404)
    return render_template(
        "operations/history/provider.html",
        provider=provider,
        name=name,
        periods=history.PERIODS,
        slots=slots,
        plots={chart: make_plot(slots) for chart, make_plot in CHARTS.items()},
        totals=found or history.sum_up(provider, slots),
        pace=pace,
        rejections=rejections,
        queues=EMAIL_QUEUES,
        now=now,
    )
