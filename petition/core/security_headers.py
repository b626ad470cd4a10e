"""Security headers: strict, and the same for every page that does not ask otherwise."""

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
    # A personal link must not travel to another site, nor into its logs.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cache-Control", "no-store"),
)
HTTPS_SECURITY_HEADERS = (*SECURITY_HEADERS, ("Strict-Transport-Security", "max-age=31536000"))


class SecurityHeadersMiddleware:
    """A WSGI application whose every response has the headers, those that it sets itself as it sets them."""

    def __init__(self, wsgi_app: Any) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        wanted = HTTPS_SECURITY_HEADERS if environ["wsgi.url_scheme"] == "https" else SECURITY_HEADERS

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            own = {name.lower() for name, _ in headers}
            return start_response(status, headers + [h for h in wanted if h[0].lower() not in own], *exc_info)

        answer: Iterable[bytes] = self._wsgi_app(environ, start)
        return answer


def init_app(app: Flask) -> None:
    """Add the headers to every response that lacks them."""
    app.wsgi_app = SecurityHeadersMiddleware(app.wsgi_app)  # type: ignore[method-assign]
