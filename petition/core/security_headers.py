"""Security headers: strict defaults, which a view can override."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # The token in a personal link must not reach another site.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)
HTTPS_SECURITY_HEADERS = (*SECURITY_HEADERS, ("Strict-Transport-Security", "max-age=31536000"))


class SecurityHeadersMiddleware:
    """WSGI middleware that adds the security headers which a response does not set itself."""

    def __init__(self, wsgi_app: Any) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        defaults = HTTPS_SECURITY_HEADERS if environ["wsgi.url_scheme"] == "https" else SECURITY_HEADERS

        def start_with_headers(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            return start_response(status, headers + [h for h in defaults if h[0].lower() not in present], *exc_info)

        response: Iterable[bytes] = self._wsgi_app(environ, start_with_headers)
        return response


def init_app(app: Flask) -> None:
    """Wrap the application in the middleware."""
    app.wsgi_app = SecurityHeadersMiddleware(app.wsgi_app)  # type: ignore[method-assign]
