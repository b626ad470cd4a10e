"""Ask DNS which mail servers receive the mail of domains, with every wait bounded."""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.resolver

LOOKUP_SECONDS = 1.0  # for one domain
TOTAL_SECONDS = 2.0  # for all domains of a call; those that are left have no answer
MAX_THREADS = 8


class MxLookup:
    """Looks mail servers up by the system's name servers, or by one that is given."""

    def __init__(self, nameserver: str | None = None, port: int = 53) -> None:
        self._nameserver, self._port = nameserver, port
        self._resolver: dns.resolver.Resolver | None = None

    def find_mail_servers(self, domains: Collection[str]) -> dict[str, str]:
        """Return the mail server that each domain prefers: itself without an MX record. Never raises.

        A domain that no name server answered about is left out.
        """
        deadline = time.monotonic() + TOTAL_SECONDS
        with ThreadPoolExecutor(min(MAX_THREADS, len(domains) or 1)) as pool:
            found = dict(zip(domains, pool.map(lambda domain: self._ask(domain, deadline), domains), strict=True))
        return {domain: server for domain, server in found.items() if server}

    def _ask(self, domain: str, deadline: float) -> str | None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            answer = self._get_resolver().resolve(domain, "MX", search=False, lifetime=min(LOOKUP_SECONDS, left))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return domain
        except (dns.exception.DNSException, OSError, ValueError):
            return None
        preferred = min(answer, key=lambda record: (record.preference, record.exchange.to_text()))
        return preferred.exchange.to_text().rstrip(".").lower() or domain  # "." is a null MX (RFC 7505)

    def _get_resolver(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            resolver = dns.resolver.Resolver(configure=self._nameserver is None)
            if self._nameserver:
                resolver.nameservers, resolver.port = [self._nameserver], self._port
            resolver.timeout = LOOKUP_SECONDS / 2
            self._resolver = resolver
        return self._resolver
