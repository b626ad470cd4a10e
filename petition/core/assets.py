"""URLs of static files, which change with their content, and of pages on the public host name."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request, url_for

STATIC_FOLDER = Path(__file__).parents[1] / "static"
IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"


@lru_cache(maxsize=64)
def _content_hash(name: str) -> str:
    return hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:10]


def asset_url(name: str) -> str:
    """Return the address of a static file, which changes with its content so that it can be cached for ever."""
    return url_for("static", filename=name, v=_content_hash(name))


def _set_cache_headers(response: Response) -> Response:
    # While two versions run side by side, the one may be asked for the other's file: nobody may keep that answer.
    if request.endpoint == "static" and response.status_code < 400:
        name = (request.view_args or {})["filename"]
        response.headers["Cache-Control"] = (
            IMMUTABLE_CACHE_CONTROL if request.args.get("v") == _content_hash(name) else "no-store"
        )
        response.expires = None
    return response


def public_url_for(endpoint: str, **values: Any) -> str:
    """Return the full address of a page, on the site's own name and never on one that a request made up."""
    return f"{current_app.config['PUBLIC_URL']}{url_for(endpoint, **values)}"


def init_app(app: Flask) -> None:
    """Give templates `asset` and `public_url_for`, and static files their cache headers."""
    app.after_request(_set_cache_headers)
    app.add_template_global(asset_url, "asset")
    app.add_template_global(public_url_for)
