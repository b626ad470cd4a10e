"""Check in DNS the domains that partners' mailings come from: their emails are signed with the site's own DKIM key."""

from collections.abc import Sequence

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import N_
from petition.delivery.composers import sender_address
from petition.delivery.rendering.message import encode_domain
from petition.operations.doctor.dkim import SEPARATOR, check_dkim
from petition.operations.doctor.dmarc import check_dmarc
from petition.operations.doctor.dns_lookup import DnsUnanswered, Resolver
from petition.operations.doctor.findings import Finding, warning
from petition.operations.doctor.settings import is_local
from petition.petitions.partners.models import Partner, Partnership

MAX_DOMAINS = 10


def check_partners(resolver: Resolver | None, selectors: Sequence[str]) -> list[Finding]:
    """Return what DNS says about each domain of a partner that takes part in a petition; nothing for `petition up`."""
    if is_local():
        return []
    config = current_app.config
    ours = [config["PETITION_DKIM_SELECTOR"], config["PETITION_DKIM_SECOND_SELECTOR"], *selectors]
    names = sorted({name for name in ours if name and SEPARATOR not in name})
    found: list[Finding] = []
    for domain in _list_domains():
        found += check_domain(resolver or Resolver(), domain, names)
    return found


def _list_domains() -> list[str]:
    current = select(Partnership.partner_id).where(Partnership.left_at.is_(None))
    addresses = db.session.scalars(
        select(Partner.from_address).where(Partner.from_address.is_not(None), Partner.id.in_(current))
    )
    site = _domain_of(sender_address())
    return sorted({_domain_of(address) for address in addresses if address} - {site})[:MAX_DOMAINS]


def _domain_of(address: str) -> str:
    return encode_domain(address).rpartition("@")[2].lower().rstrip(".")


def check_domain(resolver: Resolver, domain: str, selectors: list[str]) -> list[Finding]:
    """Return whether the emails of a partner's domain pass DKIM and DMARC: bounces come to the site, so SPF is its own.

    The keys are found where the partner publishes them: `<selector>._domainkey.<its domain>`, a CNAME to the site's.
    """
    try:
        return [
            *check_dkim(resolver, domain, selectors),
            *(check_dmarc(resolver, domain, None, [domain]) if selectors else ()),
        ]
    except DnsUnanswered as error:
        text = N_("DNS gave no answer about %(name)s within 3 seconds.")
        advice = N_("Check the name servers of that domain and of this host, then run this again.")
        return [warning("DKIM", text, advice, name=error.name)]
