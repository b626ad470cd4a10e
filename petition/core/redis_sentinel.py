"""Redis Sentinel by one URL: `sentinel://[user:password@]host:port,host:port/name[/database]`."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SCHEME = "sentinel://"
DEFAULT_PORT = 26379


@dataclass(frozen=True)
class SentinelUrl:
    """A primary by the name that its Sentinels know it by, and how to log in there; the Sentinels ask for no login."""

    sentinels: list[tuple[str, int]]
    name: str
    database: int
    login: dict[str, str]
    credentials: str  # as the URL has them, `user:password@`

    @property
    def kombu_url(self) -> str:
        """Celery's form of the URL: one for each Sentinel; the name is an option of the transport."""
        hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.sentinels)
        return ";".join(f"{SCHEME}{self.credentials}{host}/{self.database}" for host in hosts)


def parse_sentinel_url(url: str) -> SentinelUrl:
    """Read a URL that `config` has found sound."""
    place, _, path = url.removeprefix(SCHEME).partition("/")
    credentials, at, hosts = place.rpartition("@")
    user, _, password = credentials.partition(":")
    login = {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}
    found = [urlsplit(f"//{host}") for host in hosts.split(",")]
    name, _, database = path.partition("/")
    sentinels = [(host.hostname or "", host.port or DEFAULT_PORT) for host in found]
    return SentinelUrl(sentinels, name, int(database or 0), login, credentials + at)
