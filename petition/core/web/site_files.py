"""Files at the addresses where programs look for them, whatever a page says: icons, and robots.txt."""

from flask import Blueprint, Response, current_app

ACCESS = "public"
CACHE_CONTROL = "public, max-age=86400"
# Pages that must not be found say so themselves (`noindex`): a search engine has to read them to know. Where it may not
# read them, it lists the bare address of a link that somebody published, and with it the token.
ROBOTS_TXT = "User-agent: *\nDisallow: /account/\nDisallow: /desk/\nDisallow: /ops/\n"
blueprint = Blueprint("site_files", __name__)


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon of tabs and bookmarks."""
    return _send("favicon.ico")


@blueprint.get("/apple-touch-icon.png")
@blueprint.get("/apple-touch-icon-precomposed.png")
def apple_touch_icon() -> Response:
    """Return the icon of a phone's home screen."""
    return _send("apple-touch-icon.png")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Tell search engines which pages are of no use to them."""
    sitemap = f"\nSitemap: {current_app.config['PUBLIC_URL']}/sitemap.xml\n"
    response = Response(ROBOTS_TXT + sitemap, mimetype="text/plain")
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def _send(name: str) -> Response:
    response = current_app.send_static_file(name)
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
