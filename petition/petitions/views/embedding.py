"""What other websites fetch to embed a petition: the script of its form, and oEmbed (https://oembed.com)."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.core.web.assets import public_url_for
from petition.petitions.models import Petition
from petition.petitions.sharing.embed_code import FRAME_HEIGHT, FRAME_WIDTH, build_frame
from petition.petitions.views.public import get_public_or_404

ACCESS = "public"
MAX_AGE_SECONDS = 3600  # the addresses stay the same when the answers change
MAX_PIXELS = 10_000
PAGE_PATH = re.compile(r"/p/([a-z0-9-]{1,80})(?:/embed)?")

blueprint = Blueprint("embedding", __name__)


@blueprint.get("/embed.js")
def script() -> Response:
    """Return the script that makes a form of `<petition-form>`."""
    response = current_app.send_static_file("embed.js")
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    # For pages that isolate themselves (Cross-Origin-Embedder-Policy).
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@blueprint.get("/oembed")
def oembed() -> Response:
    """Describe how to embed the petition at `url`: a frame, or a link where no site may show its form.

    404 for an address that is no petition's, 501 for another `format` than JSON, as the specification says.
    """
    if request.args.get("format", "json").lower() != "json":
        abort(501)
    petition, language = _find_petition(request.args.get("url", ""))
    text = petition.text_in(language)
    answer: dict[str, Any] = {
        "version": "1.0",
        "type": "link",
        "title": text.title,
        "author_name": petition.sender_name,
        "provider_name": _("Letters and petitions"),
        "provider_url": public_url_for("petitions.index"),
        "cache_age": MAX_AGE_SECONDS,
    }
    if petition.embed_origins:
        width = min(FRAME_WIDTH, _read_pixels("maxwidth"))
        height = min(FRAME_HEIGHT, _read_pixels("maxheight"))
        html = build_frame(petition, text.language, width, height)
        answer |= {"type": "rich", "html": html, "width": width, "height": height}
    response = jsonify(answer)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    return response


def _find_petition(address: str) -> tuple[Petition, str]:
    """Return the public petition at an address of this site, and the language that the address names."""
    try:
        parts = urlsplit(address)
    except ValueError:
        abort(404)
    path = PAGE_PATH.fullmatch(parts.path)
    if f"{parts.scheme}://{parts.netloc}" != current_app.config["PUBLIC_URL"] or path is None:
        abort(404)
    petition = get_public_or_404(path[1])
    language = parse_qs(parts.query).get("lang", [""])[0]
    return petition, language if language in LANGUAGES else petition.default_language


def _read_pixels(name: str) -> int:
    """Return a limit that the asker gave, or one that limits nothing."""
    value = request.args.get(name, "")
    is_number = value.isascii() and value.isdigit() and len(value) < 6
    return max(1, int(value)) if is_number else MAX_PIXELS
