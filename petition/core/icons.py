"""Icons at the addresses where browsers look for them, whatever the page says."""

from flask import Blueprint, Response, current_app

ACCESS = "public"
CACHE_CONTROL = "public, max-age=86400"
blueprint = Blueprint("icons", __name__)


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon of tabs and bookmarks."""
    return _send("favicon.ico")


@blueprint.get("/apple-touch-icon.png")
@blueprint.get("/apple-touch-icon-precomposed.png")
def apple_touch_icon() -> Response:
    """Return the icon of a phone's home screen."""
    return _send("apple-touch-icon.png")


def _send(name: str) -> Response:
    response = current_app.send_static_file(name)
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
