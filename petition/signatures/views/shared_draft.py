"""A draft for colleagues without an account: by a link that expires, and ends when the petition is public."""

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug import Response

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import InvalidLink
from petition.core.i18n import LANGUAGES
from petition.petitions.models import Petition, PetitionState
from petition.signatures.labels import email_kind_labels
from petition.signatures.links import DRAFT_LINK, DRAFT_LINK_TTL
from petition.signatures.views.draft_frames import read_choices, render_frame

ACCESS = "holder of the link"
blueprint = Blueprint("shared_draft", __name__, url_prefix="/draft")


@blueprint.errorhandler(InvalidLink)
def show_invalid_link(_error: InvalidLink) -> tuple[str, int]:
    """Answer 410 to a link that is malformed, has expired, was revoked, or whose draft is gone."""
    return render_template("signatures/shared_draft/link_expired.html", days=DRAFT_LINK_TTL.days), 410


def _find(token: str) -> Petition:
    try:
        petition_id, generation = tokens.read(DRAFT_LINK, token, DRAFT_LINK_TTL)
    except (tokens.BadToken, ValueError):
        raise InvalidLink from None
    petition = db.session.get(Petition, petition_id)
    if petition is None or petition.state_now == PetitionState.ARCHIVED:
        raise InvalidLink
    if generation != petition.draft_link_generation:
        raise InvalidLink
    return petition


@blueprint.get("/<token>")
def show(token: str) -> Response:
    """Show a draft in a frame that says it is one; once it is open, lead to its page."""
    petition = _find(token)
    if petition.state_now != PetitionState.DRAFT:
        return redirect(url_for("petitions.page", slug=petition.slug))
    language, what, width = read_choices(petition)
    page = render_template(
        "signatures/shared_draft/shared.html", token=token, draft=petition, language=language, what=what, width=width,
        kinds=email_kind_labels(), draft_languages={code: LANGUAGES[code] for code in petition.texts},
    )  # fmt: skip
    response = make_response(page)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.get("/<token>/<what>")
def frame(token: str, what: str) -> Response:
    """Show the page or an email of a draft alone, for the frame."""
    return render_frame(_find(token), what)
