"""Origins of other websites (RFC 6454): those that may show a petition's form in a frame, and use its API."""

from urllib.parse import urlsplit

from petition.core.web.trusted_hosts import is_loopback, normalize_host

MAX_ORIGINS = 20
MAX_ORIGIN_CHARACTERS = 200
DEFAULT_PORTS = {"https": 443, "http": 80}


def parse_origin(typed: str) -> str:
    """Return the origin of a site as browsers send it, such as `https://www.example.org`.

    `https://` may be left out; what follows the host is dropped, as people paste the address of a page. Without TLS
    only this machine's own names are accepted, for trials: whoever is on the way could change any other page. Raises
    `ValueError` for what is not one site (`*`, a name without a dot), so that nothing else gets into a header.
    """
    typed = typed.strip()
    parts = urlsplit(typed if "://" in typed else f"https://{typed}")
    host, port = normalize_host(parts.hostname or ""), parts.port
    is_local = is_loopback(host)
    if parts.scheme not in DEFAULT_PORTS or (parts.scheme == "http" and not is_local) or parts.username is not None:
        raise ValueError(typed)
    # A policy cannot name an IPv6 address (CSP Level 3, host-source).
    if ":" in host or not ("." in host or is_local):
        raise ValueError(typed)
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else "")
    if len(origin) > MAX_ORIGIN_CHARACTERS:
        raise ValueError(typed)
    return origin


def parse_origins(value: object) -> list[str]:
    """Return the origins of a list of sites, each once, in their order. Raises `ValueError`."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError
    origins = list(dict.fromkeys(parse_origin(item) for item in value))
    if len(origins) > MAX_ORIGINS:
        raise ValueError
    return origins
