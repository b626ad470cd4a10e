"""Check in DNS what mailbox providers look at: return path, SPF, DKIM, DMARC, names of the relay's addresses."""

import ipaddress
from collections.abc import Callable, Sequence

from petition.core.i18n import N_
from petition.delivery.composers import sender_address
from petition.delivery.rendering.message import encode_domain
from petition.operations.doctor.dkim import check_dkim, get_signing_domain, make_name
from petition.operations.doctor.dmarc import check_dmarc
from petition.operations.doctor.dns_lookup import DnsUnanswered, Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.doctor.mta_sts import check_mta_sts
from petition.operations.doctor.settings import is_local
from petition.operations.doctor.spf import check_spf

CHECK = "return path"


def check_sender_domain(
    resolver: Resolver | None, selectors: Sequence[str], sending_ips: Sequence[str], return_path: str | None
) -> list[Finding]:
    """Return what DNS says about the domain of MAIL_DEFAULT_SENDER; nothing is asked for `petition up`."""
    if is_local():
        return [ok("DNS", N_("Not needed: no email leaves this machine."))]
    domain = encode_domain(sender_address()).rpartition("@")[2].lower().rstrip(".")
    return check_domain(resolver or Resolver(), domain, selectors, sending_ips, return_path or domain)


def check_domain(
    resolver: Resolver, domain: str, selectors: Sequence[str], sending_ips: Sequence[str], return_path: str
) -> list[Finding]:
    """Return what DNS says about a domain that sends. An unanswered question costs only the check that asked it."""
    signing_domains = [get_signing_domain(make_name(selector, domain)) for selector in selectors]
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        (CHECK, lambda: check_return_path(resolver, return_path)),
        ("SPF", lambda: check_spf(resolver, return_path, list(sending_ips))),
        ("DKIM", lambda: check_dkim(resolver, domain, list(selectors))),
        ("MTA-STS", lambda: check_mta_sts(resolver, return_path)),
        ("DMARC", lambda: check_dmarc(resolver, domain, return_path, signing_domains)),
        ("relay", lambda: check_relay(resolver, sending_ips)),
    ]
    findings = []
    for name, check in checks:
        try:
            findings += check()
        except DnsUnanswered as error:
            text = N_("DNS gave no answer about %(name)s within 3 seconds.")
            advice = N_("Check the name servers of that domain and of this host, then run this again.")
            findings.append(warning(name, text, advice, name=error.name))
    return findings


def check_return_path(resolver: Resolver, domain: str) -> list[Finding]:
    """Return whether bounces can come back to a domain. Raises `DnsUnanswered`."""
    add_mx = N_("Add: %(domain)s MX 10 NAME-OF-THE-SERVER-THAT-RECEIVES-ITS-MAIL")
    servers = [record.split()[-1].rstrip(".") for record in resolver.lookup(domain, "MX")]
    if not servers:
        if resolver.lookup_addresses(domain):
            text = N_("%(domain)s has no MX record: bounces go to its web server, if anywhere.")
            return [warning(CHECK, text, add_mx, domain=domain)]
        text = N_("%(domain)s has neither MX nor address: bounces cannot come back, and many providers reject it.")
        return [wrong(CHECK, text, add_mx, domain=domain)]
    if servers == [""]:
        text = N_("%(domain)s says that it receives no mail (null MX): bounces cannot come back.")
        return [wrong(CHECK, text, add_mx, domain=domain)]
    findings = []
    for server in servers:
        if _parse_ip(server) is not None:
            text = N_("The MX record of %(domain)s is an IP address, which is not allowed: %(server)s.")
            advice = N_("Give that address a name, and point the MX record to the name.")
            findings.append(wrong(CHECK, text, advice, domain=domain, server=server))
        elif not resolver.lookup_addresses(server):
            text = N_("The MX record of %(domain)s names %(server)s, which has no address.")
            advice = N_("Correct the name, or give it an address.")
            findings.append(wrong(CHECK, text, advice, domain=domain, server=server))
    return findings or [ok(CHECK, N_("Bounces can come back to %(domain)s."), domain=domain)]


def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def check_relay(resolver: Resolver, sending_ips: Sequence[str]) -> list[Finding]:
    """Return whether each sending address has a name that leads back to it. Raises `DnsUnanswered`."""
    findings = []
    advice = N_("Have whoever runs %(address)s set its PTR record to a name whose A or AAAA record is %(address)s.")
    for address in sending_ips:
        names = resolver.lookup_pointers(address)
        expected = ipaddress.ip_address(address)
        if not names:
            text = N_("%(address)s has no name in DNS (PTR): Gmail, Orange and laposte.net may reject its emails.")
            findings.append(wrong("relay", text, advice, address=address))
        elif not any(_parse_ip(each) == expected for name in names[:5] for each in resolver.lookup_addresses(name)):
            text = N_("The name of %(address)s (%(name)s) does not lead back to it.")
            findings.append(wrong("relay", text, advice, address=address, name=names[0]))
        else:
            findings.append(
                ok(
                    "relay",
                    N_("%(address)s has the name %(name)s, and this name leads back to it."),
                    address=address,
                    name=names[0],
                )
            )
    return findings
