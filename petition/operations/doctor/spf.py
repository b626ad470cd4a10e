"""Evaluate an SPF record (RFC 7208) as far as its owner can be wrong about it."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from petition.core.i18n import N_
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "SPF"
MAX_LOOKUPS = 10  # RFC 7208, 4.6.4
MAX_VOID_LOOKUPS = 2  # RFC 7208, 4.6.4: lookups without a record
MAX_NAMES = 30  # asked for in all: more only where something is badly wrong
LOOKUP_TERMS = {"include", "a", "mx", "ptr", "exists", "redirect"}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SpfError(Exception):
    """A permanent error (RFC 7208, 2.6.7): receivers take the domain for one without a valid record."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


@dataclass
class Evaluation:
    """What a record and those that it includes allow."""

    lookups: int = 0
    void_lookups: int = 0
    names: int = 0
    networks: list[Network] = field(default_factory=list)
    has_macros: bool = False
    uses_ptr: bool = False
    final: str = ""  # the qualifier of `all`


def check_spf(resolver: Resolver, domain: str, sending_ips: list[str]) -> list[Finding]:
    """Return what is found about the SPF record of the return path's domain. Raises `DnsUnanswered`."""
    records = [text for text in resolver.lookup(domain, "TXT") if _is_spf(text)]
    if not records:
        text = N_("%(domain)s has no SPF record: anybody may send in its name, and providers distrust it.")
        advice = N_('Add: %(domain)s TXT "v=spf1 include:NAME-GIVEN-BY-YOUR-PROVIDER ~all"')
        return [wrong(CHECK, text, advice, domain=domain)]
    evaluation = Evaluation()
    try:
        _walk(resolver, domain, records, evaluation, is_top=True)
    except SpfError as error:
        return [error.finding]
    findings = [*_check_limits(domain, evaluation), *_check_final(domain, evaluation)]
    findings += _check_sending_ips(domain, evaluation, sending_ips)
    if findings:
        return findings
    return [
        ok(
            CHECK,
            N_("One SPF record at %(domain)s, %(lookups)d of 10 lookups."),
            domain=domain,
            lookups=evaluation.lookups,
        )
    ]


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def _check_single(domain: str, records: list[str]) -> str:
    if len(records) > 1:
        text, advice = N_("%(domain)s has %(count)d SPF records: all are invalid then."), N_("Merge them into one.")
        raise SpfError(wrong(CHECK, text, advice, domain=domain, count=len(records)))
    return records[0]


def _walk(resolver: Resolver, domain: str, records: list[str], evaluation: Evaluation, *, is_top: bool) -> None:
    redirect = ""
    for qualifier, name, value in _parse_terms(domain, _check_single(domain, records)):
        if name in LOOKUP_TERMS:
            evaluation.lookups += 1
        if "%" in value:
            evaluation.has_macros = True
        elif name == "all":
            # Of an include only what passes counts (RFC 7208, 5.2).
            evaluation.final = qualifier if is_top or qualifier == "+" else evaluation.final
            return
        elif name == "redirect":
            redirect = value
        elif name == "include":
            _follow(resolver, value, evaluation, is_top=False)
        elif name == "ptr":
            evaluation.uses_ptr = True
        elif qualifier == "+":
            evaluation.networks += _list_networks(resolver, domain, name, value, evaluation)
    if redirect:  # only without `all` (RFC 7208, 6.1)
        _follow(resolver, redirect, evaluation, is_top=is_top)


def _follow(resolver: Resolver, domain: str, evaluation: Evaluation, *, is_top: bool) -> None:
    _count_name(evaluation)
    records = [text for text in resolver.lookup(domain, "TXT") if _is_spf(text)]
    if not records:
        text = N_("The SPF record includes %(domain)s, which has none: the whole record is invalid.")
        advice = N_("Correct the spelling of include:%(domain)s, or remove it.")
        raise SpfError(wrong(CHECK, text, advice, domain=domain))
    _walk(resolver, domain, records, evaluation, is_top=is_top)


def _count_name(evaluation: Evaluation) -> None:
    evaluation.names += 1
    if evaluation.names > MAX_NAMES:
        text = N_("The SPF record needs far more than 10 lookups, or includes itself: it is invalid.")
        raise SpfError(wrong(CHECK, text, N_("Remove includes of providers that you do not send with.")))


def _parse_terms(domain: str, record: str) -> Iterator[tuple[str, str, str]]:
    """Yield qualifier, name and value of each term. Raises `SpfError` for one that does not exist."""
    for term in record.split()[1:]:
        qualifier, rest = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
        name, value = _split_term(rest)
        if name in {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists", "redirect"}:
            yield qualifier, name, value
        elif "=" not in rest:  # unknown modifiers are ignored (RFC 7208, 6)
            raise SpfError(_make_bad_term(domain, term))


def _split_term(term: str) -> tuple[str, str]:
    """Return the name of a term and what follows it: `a/24` has the value `/24`."""
    end = next((number for number, character in enumerate(term) if character in ":=/"), len(term))
    return term[:end].lower(), term[end:] if term[end : end + 1] == "/" else term[end + 1 :]


def _make_bad_term(domain: str, term: str) -> Finding:
    text = N_("The SPF record of %(domain)s is invalid at “%(term)s”.")
    return wrong(CHECK, text, N_("Correct or remove that term."), domain=domain, term=term[:60])


def _list_networks(resolver: Resolver, domain: str, name: str, value: str, evaluation: Evaluation) -> list[Network]:
    if name in ("ip4", "ip6"):
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise SpfError(_make_bad_term(domain, f"{name}:{value}")) from None
        if network.version != int(name[2]):
            raise SpfError(_make_bad_term(domain, f"{name}:{value}"))
        return [network]
    if name not in ("a", "mx"):
        return []
    host, _, lengths = value.partition("/")
    ipv4_length, _, ipv6_length = lengths.partition("//") if not lengths.startswith("/") else ("", "", lengths[1:])
    _count_name(evaluation)
    hosts = [host or domain]
    if name == "mx":
        hosts = [record.split()[-1].rstrip(".") for record in resolver.lookup(hosts[0], "MX")][:10]
    addresses = [address for each in hosts if each for address in resolver.lookup_addresses(each)]
    evaluation.void_lookups += not addresses
    try:
        return [
            ipaddress.ip_network(
                f"{address}/{(ipv6_length or 128) if ':' in address else (ipv4_length or 32)}", strict=False
            )
            for address in addresses
        ]
    except ValueError:
        raise SpfError(_make_bad_term(domain, f"{name}:{value}")) from None


def _check_limits(domain: str, evaluation: Evaluation) -> list[Finding]:
    findings = []
    if evaluation.lookups > MAX_LOOKUPS:
        text = N_("The SPF record of %(domain)s needs %(lookups)d DNS lookups; with more than 10 it is invalid.")
        advice = N_("Remove includes of providers that you do not send with.")
        findings.append(wrong(CHECK, text, advice, domain=domain, lookups=evaluation.lookups))
    if evaluation.void_lookups > MAX_VOID_LOOKUPS:
        text = N_(
            "The SPF record of %(domain)s names %(count)d hosts that have no address; with more than 2 it is invalid."
        )
        advice = N_("Remove terms for hosts that do not exist any more.")
        findings.append(wrong(CHECK, text, advice, domain=domain, count=evaluation.void_lookups))
    if evaluation.uses_ptr:
        text = N_("The SPF record of %(domain)s uses “ptr”, which providers ignore (RFC 7208, 5.5).")
        findings.append(warning(CHECK, text, N_("Replace it with ip4:, ip6: or include:."), domain=domain))
    return findings


def _check_final(domain: str, evaluation: Evaluation) -> list[Finding]:
    advice = N_("End the record with ~all.")
    if evaluation.final == "+":
        text = N_("The SPF record of %(domain)s lets the whole Internet send in its name (+all).")
        return [wrong(CHECK, text, advice, domain=domain)]
    if evaluation.final in ("", "?"):
        text = N_("The SPF record of %(domain)s says nothing about other senders (no ~all or -all).")
        return [warning(CHECK, text, advice, domain=domain)]
    return []


def _check_sending_ips(domain: str, evaluation: Evaluation, sending_ips: list[str]) -> list[Finding]:
    if evaluation.has_macros or evaluation.uses_ptr:
        return []  # who is allowed depends on each email
    outside = [
        each
        for each in sending_ips
        if not any(ipaddress.ip_address(each) in network for network in evaluation.networks)
    ]
    text = N_("The SPF record of %(domain)s does not allow %(address)s, from which the relay sends.")
    advice = N_("Add ip4:%(address)s (ip6: for IPv6), or the include that your provider gives.")
    return [wrong(CHECK, text, advice, domain=domain, address=each) for each in outside]
