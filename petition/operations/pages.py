"""The operators' pages: is mail flowing, what fails, and one signature's way."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from petition.core.db import db
from petition.delivery.lanes import EVERYTHING, LANES
from petition.delivery.models import TROUBLE
from petition.operations import act, broker, failures, flow, plots
from petition.operations import timeline as way
from petition.operations.models import Drift
from petition.operations.snapshot import DAY_LASTS, last_day, recent_funnel, take
from petition.operations.verdict import judge
from petition.operations.words import cause_words, mark_words, state_words, verb_words, verdict_words
from petition.signatures.models import Signature
from petition.team import audit, runs
from petition.team.access import guard
from petition.team.charts import picture
from petition.team.models import OPERATOR

ACCESS = "operator"
PLOTS = {"throughput": plots.throughput, "latency": plots.latency}
blueprint = Blueprint("operations", __name__, url_prefix="/ops")
guard(blueprint, OPERATOR)


for words in (cause_words, mark_words, state_words, verb_words, verdict_words):
    blueprint.add_app_template_global(words)


@blueprint.get("/")
def index() -> str:
    """Answer: is mail flowing?"""
    now = take()
    seen = broker.look()
    day = last_day(now.at)
    return render_template(
        "operations/index.html",
        now=now,
        broker=seen,
        verdict=judge(now, seen),
        translate=_,
        day=[(slot, flow.speed(slot.waits)) for slot in reversed(day.slots)],
        speeds={"hour": flow.speed(now.hour.waits("confirmations")), "day": flow.speed(flow.all_waits(day.slots))},
        funnels=[recent_funnel(now.at), (day.since, day.domains)],
        actions=runs.latest(act.SUBJECT),
        drifts=list(db.session.scalars(select(Drift).order_by(Drift.id.desc()).limit(5))),
        everything=EVERYTHING,
    )


@blueprint.get("/plots/<name>.svg")
def plot(name: str) -> Response:
    """Draw the last day."""
    if name not in PLOTS:
        abort(404)
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    svg = PLOTS[name](last_day(now).slots, narrow="narrow" in request.args)
    return picture(svg, round(DAY_LASTS))


def chosen(values: Any) -> failures.Filter:
    """Return the filter that an address or a form names; what cannot be is left out."""
    lane, state = values.get("lane"), values.get("state")
    cause, domain = values.get("cause"), values.get("domain")
    return failures.Filter(
        lane=lane if lane in LANES else None,
        state=state if state in TROUBLE else None,
        cause=cause[:80].replace("\0", "") if cause is not None else None,
        domain=domain[:255].replace("\0", "") if domain is not None else None,
    )


@blueprint.get("/failures")
def failed() -> str:
    """Show what is put off, failed or unknown, row by row."""
    which = chosen(request.args)
    found = failures.rows(which, _position(request.args.get("before", "")))
    older = None
    if len(found) == failures.PAGE:
        last = found[-1]
        moment = last.tried_at or last.created_at
        older = url_for("operations.failed", before=f"{moment.isoformat()}~{last.id}", **which.given())  # type: ignore[arg-type]
    return render_template(
        "operations/failures.html", rows=found, which=which.given(), older=older, lanes=LANES, states=TROUBLE
    )


def _position(text: str) -> tuple[datetime, int] | None:
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
    found = way.find(query)
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
    events = way.timeline(found)
    audit.record("signature.viewed", "signature", signature_id)
    db.session.commit()
    return render_template("operations/signature.html", signature=found, events=events, translate=_)
