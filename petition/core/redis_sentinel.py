"""Redis Sentinel by one URL: `sentinel://[user:password@]host:port,host:port/name[/database]`."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SCHEME = "sentinel://"
DEFAULT_PORT = 26379


@dataclass(frozen=True)
class SentinelUrl:
    """The Sentinels, the name under which they monitor the primary, and the primary's login (theirs has none)."""

    sentinels: list[tuple[str, int]]
    name: str
    database: int
    login: dict[str, str]
    credentials: str  # as in the URL, `user:password@`

    @property
    def kombu_url(self) -> str:
        """The broker URL in kombu's form, one URL per Sentinel; the name is a transport option."""
        hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.sentinels)
        return ";".join(f"{SCHEME}{self.credentials}{host}/{self.database}" for host in hosts)


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Parse a URL that `config` has validated."""
    netloc, _, path = url.removeprefix(SCHEME).partition("/")
    credentials, at, hosts = netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    login = {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}
    parsed = [urlsplit(f"//{host}") for host in hosts.split(",")]
    name, _, database = path.partition("/")
    sentinels = [(host.hostname or "", host.port or DEFAULT_PORT) for host in parsed]
    return SentinelUrl(sentinels, name, int(database or 0), login, credentials + at)
