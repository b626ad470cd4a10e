"""Networks of IP addresses: precise enough to group requests, too coarse to identify a person."""

import ipaddress
import re
from functools import lru_cache

from petition.core.hashing import keyed_hashes, secret_keys

IPV4_PREFIX_LENGTH = 24


@lru_cache(1000)  # called several times per request
def parse_ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address as proxies write it: with a port, or IPv4 mapped to IPv6. Returns None for anything else."""
    for candidate in (text, text.rsplit(":", 1)[0].strip("[]")):
        try:
            address = ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None


def find_network(text: str, ipv6_bits: int = 48) -> str | None:
    """Return the network of an address, such as 192.0.2.0/24; also of a CIDR network. None for anything else."""
    address = parse_ip_address(re.sub(r"/\d{1,3}$", "", text.strip()))
    if address is None:
        return None
    if address.version == 4:
        return f"{str(address).rpartition('.')[0]}.0/{IPV4_PREFIX_LENGTH}"
    return str(ipaddress.ip_network((address, ipv6_bits), strict=False))


def hash_network(network: str) -> list[str]:
    """Return the keyed hashes of a network, current key first."""
    return list(_hash_network(network, tuple(secret_keys())))


@lru_cache(1000)  # called several times per request; the keys are part of what is cached
def _hash_network(network: str, _keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(keyed_hashes("network", network))
