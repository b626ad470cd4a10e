"""The desk's mailings, to read: as a recipient would get one, and what became of each recipient."""

from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from petition.core.errors import Gone
from petition.core.i18n import LANGUAGES, current_language
from petition.mailings import recipients
from petition.mailings.audience import sample
from petition.mailings.emails import Signer, letter, petitions_of
from petition.mailings.manage import mailing_or_404
from petition.mailings.models import Mailing
from petition.team.access import guard
from petition.team.models import CAMPAIGNER, SENDER

ACCESS = "campaigner or sender"
WIDTHS = ("desktop", "phone", "text")
# A letter brings its own styles and nothing else, and is shown in a frame of this site only.
LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

blueprint = Blueprint("mailing_reading", __name__, url_prefix="/desk/mailings")
guard(blueprint, CAMPAIGNER, SENDER)


def _chosen(mailing: Mailing) -> tuple[str, int, str, list[Signer]]:
    """Return the language, reader and form of a preview that the address asks for."""
    language = request.args.get("language", "")
    if language not in mailing.texts:
        language = current_language() if current_language() in mailing.texts else min(mailing.texts)
    readers = sample(mailing)
    position = request.args.get("as", 0, type=int)
    width = request.args.get("width", "")
    return language, position if 0 <= position < len(readers) else 0, width if width in WIDTHS else "desktop", readers


@blueprint.get("/<int:mailing_id>/preview")
def preview(mailing_id: int) -> str:
    """Show the mailing as one of its recipients would get it."""
    mailing = mailing_or_404(mailing_id)
    language, position, width, readers = _chosen(mailing)
    email = _letter(mailing, readers[position], language)
    return render_template(
        "mailings/preview.html", mailing=mailing, language=language, position=position, width=width,
        readers=readers, email=email, all_languages=LANGUAGES,
    )  # fmt: skip


@blueprint.get("/<int:mailing_id>/preview/letter")
def preview_letter(mailing_id: int) -> Response:
    """Show the letter alone, for the frame of the preview."""
    mailing = mailing_or_404(mailing_id)
    language, position, _width, readers = _chosen(mailing)
    response = Response(_letter(mailing, readers[position], language).html)
    response.headers["Content-Security-Policy"] = LETTER_POLICY
    return response


def _letter(mailing: Mailing, reader: Signer, language: str) -> Any:
    petitions, counted = petitions_of({reader.petition_id})
    petition = petitions[reader.petition_id]
    return letter(mailing, reader, petition, counted[petition.id], None, language=language)


@blueprint.get("/<int:mailing_id>/recipients")
def listed(mailing_id: int) -> str:
    """Show what became of each recipient, row by row."""
    mailing = mailing_or_404(mailing_id)
    state, after = request.args.get("state", ""), request.args.get("after", 0, type=int)
    found = recipients.page(mailing.id, state, after if 0 < after < 2**63 else 0)
    return render_template("mailings/recipients.html", mailing=mailing, rows=found, state=state, searched=None)


@blueprint.post("/<int:mailing_id>/recipients")
def searched(mailing_id: int) -> str:
    """Show the row of one recipient; the address is not in the page's own."""
    mailing, address = mailing_or_404(mailing_id), request.form.get("address", "")[:320]
    found = recipients.of_address(mailing.id, address)
    return render_template("mailings/recipients.html", mailing=mailing, rows=found, state="", searched=address)


@blueprint.get("/<int:mailing_id>/recipients/<int:delivery_id>")
def recipient(mailing_id: int, delivery_id: int) -> str:
    """Show what one recipient got, when, and what the server said."""
    mailing = mailing_or_404(mailing_id)
    try:
        row = recipients.one(mailing.id, delivery_id)
    except Gone:
        abort(404)
    return render_template("mailings/recipient.html", mailing=mailing, row=row)
