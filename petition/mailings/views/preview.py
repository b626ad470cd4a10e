"""The desk's mailings, to read: as a recipient would get one, and what became of each recipient."""

from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from petition.core.exceptions import NotFound
from petition.core.i18n import LANGUAGES, current_language
from petition.mailings import recipients
from petition.mailings.audience.preview import sample_recipients
from petition.mailings.emails import Signer, build_message, load_petitions
from petition.mailings.models import Mailing
from petition.mailings.views.desk import get_mailing_or_404
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner or sender"
PREVIEW_FORMATS = ("desktop", "phone", "text")
# A letter brings its own styles and nothing else, and is shown in a frame of this site only.
PREVIEW_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

blueprint = Blueprint("mailing_reading", __name__, url_prefix="/desk/mailings")
require_roles(blueprint, TeamRole.CAMPAIGNER, TeamRole.SENDER)


def _preview_options(mailing: Mailing) -> tuple[str, int, str, list[Signer]]:
    """Return the language, reader and form of a preview that the address asks for."""
    language = request.args.get("language", "")
    if language not in mailing.texts:
        language = current_language() if current_language() in mailing.texts else min(mailing.texts)
    readers = sample_recipients(mailing)
    position = request.args.get("as", 0, type=int)
    width = request.args.get("width", "")
    return (
        language,
        position if 0 <= position < len(readers) else 0,
        width if width in PREVIEW_FORMATS else "desktop",
        readers,
    )


@blueprint.get("/<int:mailing_id>/preview")
def preview(mailing_id: int) -> str:
    """Show the mailing as one of its recipients would get it."""
    mailing = get_mailing_or_404(mailing_id)
    language, position, width, readers = _preview_options(mailing)
    email = _build_preview(mailing, readers[position], language)
    return render_template(
        "mailings/preview.html", mailing=mailing, language=language, position=position, width=width,
        readers=readers, email=email, all_languages=LANGUAGES,
    )  # fmt: skip


@blueprint.get("/<int:mailing_id>/preview/letter")
def preview_letter(mailing_id: int) -> Response:
    """Show the letter alone, for the frame of the preview."""
    mailing = get_mailing_or_404(mailing_id)
    language, position, _width, readers = _preview_options(mailing)
    response = Response(_build_preview(mailing, readers[position], language).html)
    response.headers["Content-Security-Policy"] = PREVIEW_CONTENT_SECURITY_POLICY
    return response


def _build_preview(mailing: Mailing, reader: Signer, language: str) -> Any:
    petitions, counted = load_petitions({reader.petition_id})
    petition = petitions[reader.petition_id]
    return build_message(mailing, reader, petition, counted[petition.id], None, language=language)


@blueprint.get("/<int:mailing_id>/recipients")
def listed(mailing_id: int) -> str:
    """Show what became of each recipient, row by row."""
    mailing = get_mailing_or_404(mailing_id)
    state, after = request.args.get("state", ""), request.args.get("after", 0, type=int)
    found = recipients.list_page(mailing.id, state, after if 0 < after < 2**63 else 0)
    return render_template("mailings/recipients.html", mailing=mailing, rows=found, state=state, searched=None)


@blueprint.post("/<int:mailing_id>/recipients")
def searched(mailing_id: int) -> str:
    """Show the row of one recipient; the address is not in the page's own."""
    mailing, address = get_mailing_or_404(mailing_id), request.form.get("address", "")[:320]
    found = recipients.find_by_address(mailing.id, address)
    return render_template("mailings/recipients.html", mailing=mailing, rows=found, state="", searched=address)


@blueprint.get("/<int:mailing_id>/recipients/<int:delivery_id>")
def recipient(mailing_id: int, delivery_id: int) -> str:
    """Show what one recipient got, when, and what the server said."""
    mailing = get_mailing_or_404(mailing_id)
    try:
        row = recipients.get_recipient(mailing.id, delivery_id)
    except NotFound:
        abort(404)
    return render_template("mailings/recipient.html", mailing=mailing, row=row)
