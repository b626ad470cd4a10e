"""`/ops/doctor`: run the checks of `petition doctor`, and show what they find."""

import ipaddress
import threading

from flask import Blueprint, current_app, render_template, request
from flask_babel import gettext as _

from petition.core.i18n import N_
from petition.operations.doctor import runner
from petition.operations.doctor.dkim import SELECTOR_PATTERN
from petition.operations.doctor.findings import Finding, Level, find_worst
from petition.operations.doctor.received_copy import MAX_COPY_BYTES
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "operator"
MAX_VALUES = 4  # of each field: more would take longer than a request may
LEVEL_LABELS = {Level.OK: N_("ok"), Level.WARNING: N_("warning"), Level.WRONG: N_("wrong")}
blueprint = Blueprint("doctor", __name__, url_prefix="/ops/doctor")
require_roles(blueprint, TeamRole.OPERATOR)
_running = threading.Lock()  # one run at a time in each process, as each takes a thread for some seconds


def _render(status: int = 200, findings: list[Finding] | None = None, error: str = "") -> tuple[str, int]:
    page = render_template(
        "operations/doctor/index.html",
        findings=findings,
        worst=find_worst(findings).value if findings else None,
        labels=LEVEL_LABELS,
        translate=_,
        error=error,
        selectors=request.form.get("selectors", ""),
        sending_ips=request.form.get("sending_ips", ""),
        copy=request.form.get("copy", "")[:MAX_COPY_BYTES],
    )
    return page, status


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the form."""
    return _render()


@blueprint.post("/")
def run() -> tuple[str, int]:
    """Run the checks and show what they find; nothing is changed and no email is sent."""
    selectors = request.form.get("selectors", "").replace(",", " ").split()
    sending_ips = request.form.get("sending_ips", "").replace(",", " ").split()
    if not all(SELECTOR_PATTERN.fullmatch(each) for each in selectors) or len(selectors) > MAX_VALUES:
        return _render(422, error=_("DKIM selectors are words such as s1: at most %(count)d.", count=MAX_VALUES))
    try:
        addresses = [str(ipaddress.ip_address(each)) for each in sending_ips]
    except ValueError:
        addresses = [""] * (MAX_VALUES + 1)
    if len(addresses) > MAX_VALUES:
        return _render(422, error=_("Addresses are such as 192.0.2.10: at most %(count)d.", count=MAX_VALUES))
    copy = request.form.get("copy", "").strip().encode()[:MAX_COPY_BYTES]
    if not _running.acquire(blocking=False):
        return _render(409, error=_("The checks are running already: try again in a moment."))
    try:
        options = runner.DoctorOptions(dkim_selectors=selectors, sending_ips=addresses, copy=copy or None)
        findings = runner.run_checks(current_app._get_current_object(), options)  # type: ignore[attr-defined]
    finally:
        _running.release()
    return _render(findings=findings)
