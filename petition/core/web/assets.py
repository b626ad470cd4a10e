"""URLs of static files, versioned by content, and of pages on the public host name."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request, url_for
from markupsafe import Markup

STATIC_FOLDER = Path(__file__).parents[2] / "static"
IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"


@lru_cache(maxsize=64)
def _content_hash(name: str) -> str:
    return hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:10]


def asset_url(name: str) -> str:
    """Return the URL of a static file. It changes with the content, so that it can be cached forever."""
    return url_for("static", filename=name, v=_content_hash(name))


@lru_cache(maxsize=64)
def _read_script(name: str) -> str:
    return (STATIC_FOLDER / name).read_text(encoding="utf-8")


def inline_script(name: str) -> Markup:
    """Return a script of ours as an element within a page, whose policy allows it by its hash."""
    return Markup("<script>{}</script>").format(Markup(_read_script(name)))  # noqa: S704 - a file of ours


@lru_cache(maxsize=64)
def script_hash(name: str) -> str:
    """Return the source expression that allows an inline script of ours (CSP Level 3, hash-source)."""
    digest = hashlib.sha256(_read_script(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _set_cache_headers(response: Response) -> Response:
    # During a deployment, a process may be asked for the other version of a file: that answer must not be cached.
    if request.endpoint == "static" and response.status_code < 400:
        name = (request.view_args or {})["filename"]
        response.headers["Cache-Control"] = (
            IMMUTABLE_CACHE_CONTROL if request.args.get("v") == _content_hash(name) else "no-store"
        )
        response.expires = None
    return response


def public_url_for(endpoint: str, **values: Any) -> str:
    """Return the absolute URL of a page, on PUBLIC_URL whatever Host a request names."""
    return f"{current_app.config['PUBLIC_URL']}{url_for(endpoint, **values)}"


def init_app(app: Flask) -> None:
    """Give templates `asset`, `inline_script` and `public_url_for`, and static files their cache headers."""
    app.after_request(_set_cache_headers)
    app.add_template_global(asset_url, "asset")
    app.add_template_global(inline_script)
    app.add_template_global(public_url_for)
