"""Check a domain's DMARC record (RFC 7489), and that the return path or the DKIM signature aligns with From."""

import re

from petition.core.i18n import N_
from petition.operations.doctor.dkim import parse_tags
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.safeguards.public_suffixes import get_public_suffixes

CHECK = "DMARC"
POLICIES = {"none", "quarantine", "reject"}
REPORT_ADDRESS = re.compile(r"mailto:[^@\s,!]+@([\w.-]+)(![0-9]+[kmgt]?)?", re.IGNORECASE)


def get_organisational_domain(domain: str) -> str:
    """Return the domain that was registered (RFC 7489, 3.2)."""
    return get_public_suffixes().privatesuffix(domain.lower()) or domain.lower()


def check_dmarc(resolver: Resolver, domain: str, return_path: str | None, signing_domains: list[str]) -> list[Finding]:
    """Return what is found. `domain`: of From; `signing_domains`: of the DKIM signatures. Raises `DnsUnanswered`.

    `return_path`: None where it is another organisation's on purpose, so that DKIM alone aligns.
    """
    organisation = get_organisational_domain(domain)
    records = _lookup_records(resolver, domain)
    is_inherited = not records and organisation != domain
    if is_inherited:
        records = _lookup_records(resolver, organisation)
    if not records:
        text = N_("%(domain)s has no DMARC record: Gmail, Yahoo, Microsoft and Orange ask for one.")
        advice = N_('Add: _dmarc.%(domain)s TXT "v=DMARC1; p=none; rua=mailto:ADDRESS-THAT-GETS-REPORTS"')
        return [wrong(CHECK, text, advice, domain=domain)]
    if len(records) > 1:
        text = N_("_dmarc.%(domain)s has %(count)d DMARC records: they are ignored.")
        return [wrong(CHECK, text, N_("Keep one of them."), domain=domain, count=len(records))]
    tags = parse_tags(records[0])
    policy = (tags.get("sp") if is_inherited else None) or tags.get("p", "")
    if tags.get("p", "").lower() not in POLICIES or policy.lower() not in POLICIES:
        text = N_("The DMARC record of %(domain)s has no valid policy (p=).")
        return [wrong(CHECK, text, N_("Set p=none, p=quarantine or p=reject, right after v=DMARC1;"), domain=domain)]
    findings = _check_alignment(domain, return_path or "", signing_domains, tags, by_dkim_alone=return_path is None)
    findings += _check_reports(resolver, domain, policy.lower(), tags)
    if findings:
        return findings
    if return_path is None:
        text = N_("DMARC at %(domain)s, policy %(policy)s; DKIM aligns.")
        return [ok(CHECK, text, domain=domain, policy=policy.lower())]
    return [
        ok(
            CHECK,
            N_("DMARC at %(domain)s, policy %(policy)s; the return path aligns."),
            domain=domain,
            policy=policy.lower(),
        )
    ]


def _lookup_records(resolver: Resolver, domain: str) -> list[str]:
    return [text for text in resolver.lookup(f"_dmarc.{domain}", "TXT") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]


def _is_aligned(domain: str, other: str, mode: str) -> bool:
    if mode.lower() == "s":
        return domain.lower() == other.lower()
    return get_organisational_domain(domain) == get_organisational_domain(other)


def _check_alignment(
    domain: str, return_path: str, signing_domains: list[str], tags: dict[str, str], *, by_dkim_alone: bool
) -> list[Finding]:
    by_spf = _is_aligned(domain, return_path, tags.get("aspf", "r"))
    by_dkim = any(_is_aligned(domain, each, tags.get("adkim", "r")) for each in signing_domains)
    values = {"domain": domain, "return_path": return_path}
    if (by_spf and (by_dkim or not signing_domains)) or (by_dkim and by_dkim_alone):
        return []
    if by_dkim:
        text = N_("The return path’s domain %(return_path)s does not align with %(domain)s: DMARC needs DKIM.")
        advice = N_("Have your relay use a return path under %(domain)s (“custom MAIL FROM”).")
        return [warning(CHECK, text, advice, **values)]
    if by_spf:
        text = N_("DKIM signs for another domain than %(domain)s: DMARC hangs on SPF alone, and forwarded emails fail.")
        return [warning(CHECK, text, N_("Have your relay sign with d=%(domain)s."), **values)]
    text = N_("Neither the return path (%(return_path)s) nor DKIM aligns with %(domain)s: every email fails DMARC.")
    return [wrong(CHECK, text, N_("Have your relay sign with d=%(domain)s."), **values)]


def _check_reports(resolver: Resolver, domain: str, policy: str, tags: dict[str, str]) -> list[Finding]:
    targets = [REPORT_ADDRESS.fullmatch(part.strip()) for part in tags.get("rua", "").split(",") if part.strip()]
    if not targets:
        if policy != "none":
            return []
        text = N_("DMARC of %(domain)s is p=none without reports: it shows nothing and protects nobody.")
        return [warning(CHECK, text, N_("Add rua=mailto:ADDRESS to _dmarc.%(domain)s."), domain=domain)]
    findings = []
    for target in targets:
        if target is None:
            text = N_("The DMARC record of %(domain)s has a report address (rua=) without mailto:.")
            findings.append(warning(CHECK, text, N_("Write rua=mailto:ADDRESS."), domain=domain))
        elif get_organisational_domain(target[1]) != get_organisational_domain(domain):
            findings += _check_foreign_reports(resolver, domain, target[1])
    return findings


def _check_foreign_reports(resolver: Resolver, domain: str, receiver: str) -> list[Finding]:
    """Return whether another domain agreed to receive reports (RFC 7489, 7.1)."""
    names = (f"{domain}._report._dmarc.{receiver}", f"*._report._dmarc.{receiver}")
    if any(text.startswith("v=DMARC1") for name in names for text in resolver.lookup(name, "TXT")):
        return []
    text = N_("%(receiver)s did not agree to receive DMARC reports about %(domain)s: none are sent.")
    advice = N_('Have it add: %(domain)s._report._dmarc.%(receiver)s TXT "v=DMARC1"')
    return [warning(CHECK, text, advice, domain=domain, receiver=receiver)]
