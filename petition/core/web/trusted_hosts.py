"""Answer requests for this site's own names only: another name that resolves here (DNS rebinding) gets nothing
but a page that says so, and static files.

Accepted in `Host`: the host of PUBLIC_URL, those of PETITION_HOSTS, and loopback names, with any port. Probes and
`/metrics` also accept an IP address or no `Host`: load balancers and Prometheus ask so, and rebinding needs a name.
"""

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import idna
import structlog
from flask import Flask, abort, request
from werkzeug.exceptions import BadRequest

MACHINE_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
# Labels of 1 to 63 characters (RFC 1035, 2.3.4), an IPv4 address, or an IPv6 one in brackets (RFC 3986, 3.2.2).
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_PATTERN = re.compile(
    rf"(?P<host>{LABEL}(?:\.{LABEL})*\.?|\[[0-9a-f:.]{{2,45}}\])(?::\d{{1,5}})?", re.ASCII | re.IGNORECASE
)
MAX_HOST_CHARACTERS = 300
MAX_LOGGED_CHARACTERS = 80
REFUSED_HOST_KEY = "petition.refused_host"
# What reverse proxies add; not X-Forwarded-For, by which the demo and the tests come from many networks (PROXY_COUNT).
PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-IP")


class UnknownHost(BadRequest):
    """A request whose `Host` is missing, malformed or not a name of this site."""

    description = "The Host header does not name this site."


@lru_cache(1000)
def parse_host(header: str) -> str | None:
    """Return the host of a `Host` header in lower case, without port, brackets and final dot; None if malformed."""
    match = HOST_PATTERN.fullmatch(header) if len(header) <= MAX_HOST_CHARACTERS else None
    return match["host"].lower().strip("[]").removesuffix(".") if match else None


def normalize_host(text: str) -> str:
    """Return a configured host as browsers send it: lower case, IDNA. Raises `ValueError` for what is not a host."""
    text = text.strip().strip("[]")
    if _parse_ip(text) is None:
        # A local network may have names that IDNA does not allow, such as one with an underscore.
        with contextlib.suppress(idna.IDNAError):
            text = idna.encode(text, uts46=True).decode()
    host = parse_host(f"[{text}]" if ":" in text else text)
    if host is None:
        raise ValueError("not a host")
    return host


@lru_cache(1000)
def _parse_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str | None) -> bool:
    """Return whether a host names this machine: `localhost` (RFC 6761) or a loopback address."""
    address = _parse_ip(host or "")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return host == "localhost" or bool(mapped and mapped.is_loopback)


class TrustedHostsMiddleware:
    """WSGI middleware that takes a `Host` that is not accepted away, so that nothing behind it reads it, and marks it.

    Flask's own TRUSTED_HOSTS compares letters as they are, knows no IPv6 address, and leaves the request without URLs,
    so that its error page cannot be rendered.
    """

    def __init__(self, wsgi_app: Any, public_url: str, more_hosts: Iterable[str]) -> None:
        self._wsgi_app = wsgi_app
        public_host = normalize_host(urlsplit(public_url).hostname or "")
        self._accepted = {public_host, *map(normalize_host, more_hosts)}
        self._replacement = f"[{public_host}]" if ":" in public_host else public_host

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        header = environ.get("HTTP_HOST")
        if not self._is_accepted(header, environ.get("PATH_INFO", "")):
            environ[REFUSED_HOST_KEY] = header or ""
        if header is None or REFUSED_HOST_KEY in environ:
            environ["HTTP_HOST"] = self._replacement
        response: Iterable[bytes] = self._wsgi_app(environ, start_response)
        return response

    def _is_accepted(self, header: str | None, path: str) -> bool:
        host = parse_host(header or "")
        if host in self._accepted or is_loopback(host):
            return True
        return path in MACHINE_PATHS and (header is None or _parse_ip(host or "") is not None)


def peer_address() -> str:
    """Return the address of the socket's other end, whatever the headers say; "" for a Unix socket."""
    # ProxyFix replaces REMOTE_ADDR and stores what was there before.
    original = request.environ.get("werkzeug.proxy_fix.orig") or request.environ
    return str(original.get("REMOTE_ADDR") or "")


def _require_local_request() -> None:
    """Answer 404 unless a request comes from this machine, by a loopback name, and not through a reverse proxy on it.

    A proxy that names none of `PROXY_HEADERS` and passes a loopback `Host` looks like a local program.
    """
    is_local = is_loopback(peer_address()) and is_loopback(parse_host(request.host))
    if not is_local or any(name in request.headers for name in PROXY_HEADERS):
        abort(404)


def _refuse_unknown_host() -> None:
    refused = request.environ.get(REFUSED_HOST_KEY)
    # Stylesheets are nobody's secret, and the page that says so needs one.
    if refused is not None and request.endpoint != "static":
        shown = "".join(c if " " < c <= "~" else "?" for c in refused[:MAX_LOGGED_CHARACTERS])
        # On the request's own line of the log.
        structlog.contextvars.bind_contextvars(refused_host=shown)
        raise UnknownHost


def init_app(app: Flask) -> None:
    """Refuse other hosts, before any other check of a request but after the start of its log line.

    `app.extensions["petition.require_local_request"]` is a check for views that are for this machine only.
    """
    app.extensions["petition.require_local_request"] = _require_local_request
    app.before_request(_refuse_unknown_host)
    app.wsgi_app = TrustedHostsMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, app.config["PUBLIC_URL"], app.config["PETITION_HOSTS"]
    )
