"""Ask DNS, with every wait bounded."""

import time

import dns.exception
import dns.resolver
import dns.reversename

QUERY_SECONDS = 3.0  # for one name, retries included
TOTAL_SECONDS = 12.0  # for all names of a run


class DnsUnanswered(Exception):
    """A question that no name server answered: a timeout or an error, not the absence of a record."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no answer from DNS about {name}")
        self.name = name


class Resolver:
    """Answers questions by the system's name servers, or by one that is given (tests)."""

    def __init__(self, nameserver: str | None = None, port: int = 53, total_seconds: float = TOTAL_SECONDS) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=nameserver is None)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.resolver.Resolver(configure=False)
        if nameserver:
            self._resolver.nameservers, self._resolver.port = [nameserver], port
        self._resolver.timeout = QUERY_SECONDS / 2
        self._resolver.use_edns(0, 0, 1232)  # records beyond 512 bytes without TCP
        self._deadline = time.monotonic() + total_seconds

    def lookup(self, name: str, kind: str) -> list[str]:
        """Return the records of a type; [] if there are none. Raises `DnsUnanswered`.

        Strings of a TXT record are joined, as SPF, DKIM and DMARC read them (RFC 7208, 3.3).
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DnsUnanswered(name)
        try:
            answer = self._resolver.resolve(name, kind, search=False, lifetime=min(QUERY_SECONDS, left))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise DnsUnanswered(name) from error
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return [record.to_text() for record in answer]

    def lookup_addresses(self, name: str) -> list[str]:
        """Return the IPv4 and IPv6 addresses of a name."""
        return self.lookup(name, "A") + self.lookup(name, "AAAA")

    def lookup_pointers(self, address: str) -> list[str]:
        """Return the names of an IP address (PTR)."""
        return [name.rstrip(".") for name in self.lookup(dns.reversename.from_address(address).to_text(), "PTR")]
