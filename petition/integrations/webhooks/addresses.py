"""Which addresses a webhook may be sent to: public ones, checked after the name was resolved (SSRF)."""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as ResolveTimeout
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app

from petition.core.exceptions import DomainError

RESOLVE_TIMEOUT_SECONDS = 5.0
MAX_URL_CHARACTERS = 500
# Networks in which IPv4 addresses are written as IPv6, with where the four bytes are (RFC 6052, RFC 3056).
NAT64, SIX_TO_FOUR = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddress(DomainError):
    """An address that is not public, or cannot be found. The message is one word or two, for the record."""

    def __init__(self, reason: str) -> None:
        super().__init__({"url": reason})


@dataclass(frozen=True)
class Target:
    """Where to connect: the address that was checked, so that no second look-up can answer another one."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def parse_url(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path with query. Raises `ForbiddenAddress` for what is no address of a webhook."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ForbiddenAddress("not an address") from None
    schemes = ("https", "http") if allows_local() else ("https",)
    if parts.scheme not in schemes or not host or parts.username or parts.password or not url.isascii():
        raise ForbiddenAddress("not an address")
    if len(url) > MAX_URL_CHARACTERS or any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise ForbiddenAddress("not an address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def allows_local() -> bool:
    """Say whether this machine may be a receiver: a setting for trying things out."""
    return bool(current_app.config["PETITION_WEBHOOK_LOCAL"])


def is_allowed(address: Address) -> bool:
    """Say whether an address is public, also where it is written in another form."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None and address in SIX_TO_FOUR:
            inner = address.sixtofour
        if inner is None and address.teredo:
            return False
        if inner is not None:
            return is_allowed(inner)
        if address.is_site_local:  # which the library calls global, and old networks use within
            return False
    if address.is_loopback and allows_local():
        return True
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(url: str) -> Target:
    """Return where to connect for a URL. All its addresses must be public. Raises `ForbiddenAddress`."""
    scheme, host, port, path = parse_url(url)
    found = _look_up(host, port)
    if not found:
        raise ForbiddenAddress("unknown host")
    if not all(is_allowed(address) for address in found):
        raise ForbiddenAddress("not a public address")
    return Target(scheme, host, port, path, str(found[0]))


def _look_up(host: str, port: int) -> list[Address]:
    executor = ThreadPoolExecutor(1, thread_name_prefix="resolve")
    try:
        future = executor.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = future.result(RESOLVE_TIMEOUT_SECONDS)
        return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    except (OSError, UnicodeError, ValueError, ResolveTimeout):
        return []
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
