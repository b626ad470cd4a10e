"""Relays of MAIL_RELAYS: mail servers that share the emails, or serve some providers. Imports no framework."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}  # default, by scheme
MAX_SHARE = 1000
HOST_PATTERN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+", re.IGNORECASE)
PROVIDER_PATTERN = re.compile(r"[a-z0-9.-]{1,255}")


@dataclass(frozen=True)
class MailRelay:
    """One relay. `share`: of the emails that no other relay serves, 0 for one that only stands in for others.

    `providers`: those whose emails it gets, by their names on /ops/; without any it gets its share of the others.
    """

    host: str
    port: int
    use_tls: bool
    use_ssl: bool
    username: str | None
    password: str | None = field(repr=False)
    share: int
    providers: frozenset[str]


def parse_relay(text: str) -> MailRelay:
    """Parse a URL such as smtp+starttls://user:password@host:587?share=2. Raises `ValueError`, without its value."""
    url = urlsplit(text)
    pairs = parse_qsl(url.query, strict_parsing=bool(url.query))
    options = dict(pairs)
    valid = (
        url.scheme in PORTS
        and HOST_PATTERN.fullmatch(url.hostname or "")
        and url.port != 0
        and url.path in ("", "/")
        and not url.fragment
        and len(options) == len(pairs)
        and options.keys() <= {"share", "providers"}
        and bool(url.username) == bool(url.password)
    )
    share, providers = options.get("share", "1"), options.get("providers", "").lower().split()
    if not valid or not re.fullmatch("[0-9]{1,4}", share) or int(share) > MAX_SHARE:
        raise ValueError("not a relay")
    if not all(PROVIDER_PATTERN.fullmatch(provider) for provider in providers):
        raise ValueError("not a provider")
    return MailRelay(
        host=url.hostname or "",
        port=url.port or PORTS[url.scheme],
        use_tls=url.scheme == "smtp+starttls",
        use_ssl=url.scheme == "smtps",
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        share=int(share),
        providers=frozenset(providers),
    )
