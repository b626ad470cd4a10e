"""What previews of a draft show in their frames: the page or an email as it will be, where nothing can be sent."""

from dataclasses import replace

from flask import abort, g, make_response, request
from flask_babel import gettext as _
from werkzeug import Response

from petition.core.i18n import current_language
from petition.delivery.rendering.message import OutgoingMessage
from petition.petitions.models import Petition, PetitionState
from petition.petitions.presenter import present
from petition.petitions.views.public import FRAME_TEMPLATE, render_page
from petition.signatures.emails import KINDS, build_email_preview
from petition.signatures.views.thank_you import render_thank_you

PAGES = ("page", "thanks")
# The previewed page has the site's styles and the email its own; neither runs or sends anything.
PREVIEW_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def read_choices(petition: Petition) -> tuple[str, str, str]:
    """Return the language, what is shown (of `PAGES`, or a kind of email), and the width that the address asks for."""
    language, what = request.args.get("language", ""), request.args.get("what", "page")
    if language not in petition.texts:
        language = petition.default_language
    width = "phone" if request.args.get("width") == "phone" else "desktop"
    return language, what if what in (*PAGES, *KINDS) else "page", width


def build_email(petition: Petition, kind: str, language: str) -> OutgoingMessage:
    """Return an email of a kind in a language of the petition, to somebody who is made up."""
    chosen = language if language in petition.texts else petition.default_language
    return build_email_preview(petition, kind, chosen, _("Camille Martin"))


def render_frame(petition: Petition, what: str) -> Response:
    """Return the page or an email of a petition as it will be; nothing in it can be sent."""
    if what == "page":
        response = render_page(petition, as_open=True)
    elif what == "thanks":
        shown = replace(present(petition, current_language()), state=PetitionState.OPEN.value, is_open=True)
        response = make_response(render_thank_you(petition, shown))
    elif what == "embed":
        g.framed = True
        response = render_page(petition, as_open=True, template=FRAME_TEMPLATE)
    elif what in KINDS:
        response = make_response(build_email(petition, what, request.args.get("lang", "")).html)
    else:
        abort(404)
    response.headers["Content-Security-Policy"] = PREVIEW_CONTENT_SECURITY_POLICY
    response.headers["X-Robots-Tag"] = "noindex"
    return response
