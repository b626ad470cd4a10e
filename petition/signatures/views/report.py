"""Report a name in the public list to the team: a page with three reasons, without a session or a text to write."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug import Response

from petition.core.db import db
from petition.core.i18n import current_language, explicit_language
from petition.petitions.presenter import present
from petition.petitions.views.public import get_public_or_404
from petition.safeguards.rate_limits import rate_limited
from petition.signatures.listing.public_list import find_signatory
from petition.signatures.review.models import REPORT_REASONS
from petition.signatures.review.reports import report

ACCESS = "public"
blueprint = Blueprint("name_report", __name__)


@blueprint.get("/p/<slug>/signatories/<int:number>/report")
def ask(slug: str, number: int) -> str:
    """Show a name of the public list, and the reasons for which it can be reported."""
    return _page(slug, number)


@blueprint.post("/p/<slug>/signatories/<int:number>/report")
@rate_limited("report", "20/hour")
def send(slug: str, number: int) -> Response | tuple[str, int]:
    """Report the name; the answer is the same whether it is listed, and whoever reported it before."""
    petition, reason = get_public_or_404(slug), request.form.get("reason")
    if reason not in REPORT_REASONS:
        return _page(slug, number, missing=True), 422
    report(petition, number, reason)
    db.session.commit()
    return redirect(url_for("name_report.sent", slug=slug, lang=explicit_language()), 303)


@blueprint.get("/p/<slug>/signatories/reported")
def sent(slug: str) -> str:
    """Say thanks, and what happens next."""
    return render_template("signatures/report/sent.html", petition=present(get_public_or_404(slug), current_language()))


def _page(slug: str, number: int, **context: Any) -> str:
    petition = get_public_or_404(slug)
    signatory = find_signatory(petition, number) or abort(404)
    return render_template(
        "signatures/report/ask.html",
        petition=present(petition, current_language()),
        signatory=signatory,
        reasons=REPORT_REASONS,
        **context,
    )
