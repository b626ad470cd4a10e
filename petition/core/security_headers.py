"""Security headers: strict defaults, which a view can override."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Flask, Response, request

from petition.core.web.assets import script_hash


def content_security_policy(
    *, frame_ancestors: Iterable[str] = (), inline_scripts: Sequence[str] = (), workers: bool = False
) -> str:
    """Return the policy of public pages.

    `frame_ancestors`: the origins of sites that may show the page in a frame; none by default. `inline_scripts`: the
    assets that the page holds (`assets.inline_script`), and the only scripts that run there. `workers`: they may fetch
    from this site, and start workers with its scripts.
    """
    scripts = f"script-src {' '.join(map(script_hash, inline_scripts))}; " if inline_scripts else ""
    if workers:
        scripts += "worker-src 'self'; connect-src 'self'; "
    sites = " ".join(frame_ancestors) or "'none'"
    return (
        f"default-src 'none'; {scripts}style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {sites}"
    )


CONTENT_SECURITY_POLICY = content_security_policy()
SECURITY_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # The token in a personal link must not reach another site.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)
FRAME_OPTIONS = (("frame-ancestors 'none'", "DENY"), ("frame-ancestors 'self'", "SAMEORIGIN"))
HTTPS_SECURITY_HEADERS = (*SECURITY_HEADERS, ("Strict-Transport-Security", "max-age=31536000"))


class SecurityHeadersMiddleware:
    """WSGI middleware that adds the security headers which a response does not set itself.

    X-Frame-Options is for browsers that do not read the policy's `frame-ancestors`, and says the same: never, or this
    site's own pages. It cannot name other sites, so that it is missing where the policy does.
    """

    def __init__(self, wsgi_app: Any) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        defaults = HTTPS_SECURITY_HEADERS if environ["wsgi.url_scheme"] == "https" else SECURITY_HEADERS

        def start_with_headers(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            present = {name.lower(): value for name, value in headers}
            added = [header for header in defaults if header[0].lower() not in present]
            policy = present.get("content-security-policy", CONTENT_SECURITY_POLICY)
            added += [("X-Frame-Options", value) for ending, value in FRAME_OPTIONS if ending in policy]
            return start_response(status, headers + added, *exc_info)

        response: Iterable[bytes] = self._wsgi_app(environ, start_with_headers)
        return response


def _keep_links_out_of_indexes(response: Response) -> Response:
    """Ask search engines to drop an address with a token, whatever the answer: somebody may have published it."""
    if "token" in (request.view_args or ()):
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def init_app(app: Flask) -> None:
    """Wrap the application in the middleware."""
    app.after_request(_keep_links_out_of_indexes)
    app.wsgi_app = SecurityHeadersMiddleware(app.wsgi_app)  # type: ignore[method-assign]
