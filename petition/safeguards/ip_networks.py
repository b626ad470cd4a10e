"""Networks in place of addresses: near enough to find what came together, too coarse to name a person."""

import ipaddress
import re
from functools import lru_cache

from petition.core.hashing import keyed_hashes

IPV4_PREFIX_LENGTH = 24  # three of the four numbers of an address


@lru_cache(1000)  # a request asks several times
def parse_ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as proxies write it: some add a port, and a dual-stack socket dresses IPv4 up as IPv6."""
    for form in (text, text.rsplit(":", 1)[0].strip("[]")):
        try:
            address = ipaddress.ip_address(form)
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None


def find_network(text: str, ipv6_bits: int = 48) -> str | None:
    """Return the network of an address, such as 192.0.2.0/24, or None if it is no address.

    A whole network, as it is written with its length, is taken for its first address.
    """
    address = parse_ip_address(re.sub(r"/\d{1,3}$", "", text.strip()))
    if address is None:
        return None
    if address.version == 4:
        return f"{str(address).rpartition('.')[0]}.0/{IPV4_PREFIX_LENGTH}"
    return str(ipaddress.ip_network((address, ipv6_bits), strict=False))


def hash_network(network: str) -> list[str]:
    """Return the keyed hashes of a network, newest key first."""
    return keyed_hashes("network", network)
