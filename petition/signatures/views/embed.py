"""The form in a frame on other websites: the form, its errors, "check your email". What a link opens is never framed.

Which sites may show it is a list of the petition, empty by default, which the Content-Security-Policy names.
"""

from typing import Any

from flask import Blueprint, g, make_response, request
from werkzeug import Response

from petition.core.cache import get_or_create
from petition.core.i18n import current_language, explicit_language
from petition.core.security_headers import content_security_policy
from petition.petitions.lifecycle import PetitionArchived
from petition.petitions.views.public import (
    CACHE_CONTROL,
    CHALLENGE_SCRIPT,
    FRAME_TEMPLATE,
    get_public_or_404,
    render_page,
)
from petition.safeguards.rate_limits import limit_signing
from petition.signatures.views.check_email import render_check_your_email
from petition.signatures.views.sign import receive_form

ACCESS = "public"
SOURCE = "widget"
FRAME_SCRIPT = "frame.js"
THEMES = ("light", "dark")  # of a site that has one look only; without, the visitor's device decides

blueprint = Blueprint("embed", __name__)


@blueprint.before_request
def _read_framing_sites() -> None:
    """Note who may frame the answer before anything can fail, so that errors are shown in the frame as well."""
    slug = (request.view_args or {})["slug"]
    # `layout.html` leaves out what belongs to our own site, and adds the script.
    g.framed, g.frame_script = True, FRAME_SCRIPT
    g.theme = request.args.get("theme") if request.args.get("theme") in THEMES else None
    try:
        petition = get_public_or_404(slug)
        g.framing_sites, g.asks_challenge = petition.embed_origins, petition.is_open and petition.asks_challenge
    except PetitionArchived as error:
        g.framing_sites = error.petition.embed_origins
        raise


@blueprint.url_defaults
def _keep_theme(_endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("theme", g.get("theme"))


@blueprint.after_request
def _allow_frames(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = content_security_policy(
        frame_ancestors=g.get("framing_sites", ()),
        inline_scripts=(FRAME_SCRIPT, CHALLENGE_SCRIPT) if g.get("asks_challenge") else (FRAME_SCRIPT,),
        workers=bool(g.get("asks_challenge")),
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.get("/p/<slug>/embed")
def page(slug: str) -> Response:
    """Show the form and the count."""
    petition = get_public_or_404(slug)
    key = ("frame", slug, petition.state_now, petition.asks_challenge, current_language(), explicit_language(), g.theme)
    response = make_response(get_or_create(key, lambda: render_page(petition, template=FRAME_TEMPLATE).get_data()))
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept-Language")
    return response


@blueprint.post("/p/<slug>/embed")
@limit_signing
def sign(slug: str) -> Response:
    """Sign with the form; the answer is the same for every address."""
    return receive_form(slug, SOURCE, FRAME_TEMPLATE, "embed.check_your_email")


@blueprint.get("/p/<slug>/embed/check-your-email")
def check_your_email(slug: str) -> str:
    """Show that a link was sent to the address. It opens in a tab of its own, as all that follows."""
    return render_check_your_email(slug)
