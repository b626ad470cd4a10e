"""Domains of services that give anybody an email address for some minutes, offline: the list comes with its package."""

from petition.safeguards.public_suffixes import get_public_suffixes


def is_disposable(address: str) -> bool:
    """Return whether an address (domain in ASCII and lower case) is at a disposable domain, or at a subdomain of one.

    Above the domain that somebody registered nothing is looked up: a listed `x.dyndns.example` says nothing of others.
    """
    domain = address.rpartition("@")[2]
    registered = get_public_suffixes().privatesuffix(domain) or domain
    while domain not in _get_list():
        if domain == registered:
            return False
        domain = domain.partition(".")[2]
    return True


def _get_list() -> set[str]:
    # Imported by the first petition with a policy: it is 0.2 MB that most processes never need.
    from disposable_email_domains import blocklist  # noqa: PLC0415

    return blocklist
