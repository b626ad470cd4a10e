"""The public suffix list: under which endings domains are registered (publicsuffix.org), offline."""

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def get_public_suffixes() -> PublicSuffixList:
    """Return the list that is part of its package, without the suffixes of companies; nothing is downloaded."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)
