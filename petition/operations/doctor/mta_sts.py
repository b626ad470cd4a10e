"""Check MTA-STS (RFC 8461) and TLS reports (RFC 8460) of the domain that bounces come back to. Both are optional."""

import http.client
import re
import ssl
from collections.abc import Callable

from petition.core.i18n import N_
from petition.operations.doctor.dkim import parse_tags
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "MTA-STS"
TIMEOUT_SECONDS = 5.0
MAX_POLICY_BYTES = 64 * 1024  # RFC 8461, 3.2
PATH = "/.well-known/mta-sts.txt"
Fetch = Callable[[str], str]


class PolicyUnreachable(Exception):
    """A policy that no server shows."""


def fetch_policy(domain: str) -> str:
    """Return the policy of a domain, over verified TLS and without redirects (RFC 8461, 3.3)."""
    connection = http.client.HTTPSConnection(
        f"mta-sts.{domain}", timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
    )
    try:
        connection.request("GET", PATH, headers={"User-Agent": "petition doctor"})
        answer = connection.getresponse()
        body = answer.read(MAX_POLICY_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise PolicyUnreachable(type(error).__name__) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise PolicyUnreachable(str(answer.status))
    return body.decode("utf-8", "replace")


def check_mta_sts(resolver: Resolver, domain: str, fetch: Fetch = fetch_policy) -> list[Finding]:
    """Return what is found about incoming TLS. Raises `DnsUnanswered`."""
    records = [text for text in resolver.lookup(f"_mta-sts.{domain}", "TXT") if text.startswith("v=STSv1")]
    reports = _check_reports(resolver, domain, has_policy=bool(records))
    if not records:
        return reports or [ok(CHECK, N_("%(domain)s has no MTA-STS, which is optional."), domain=domain)]
    if len(records) > 1 or not re.fullmatch(r"[A-Za-z0-9]{1,32}", parse_tags(records[0]).get("id", "")):
        text = N_("_mta-sts.%(domain)s must have one record with an id=: the policy is ignored.")
        return [warning(CHECK, text, N_('Set: _mta-sts.%(domain)s TXT "v=STSv1; id=1"'), domain=domain), *reports]
    try:
        policy = fetch(domain)
    except PolicyUnreachable as error:
        text = N_("The MTA-STS policy of %(domain)s cannot be fetched (%(error)s).")
        advice = N_("Serve https://mta-sts.%(domain)s/.well-known/mta-sts.txt, or remove _mta-sts.%(domain)s.")
        return [wrong(CHECK, text, advice, domain=domain, error=str(error)), *reports]
    return [_check_policy(resolver, domain, policy), *reports]


def _check_policy(resolver: Resolver, domain: str, policy: str) -> Finding:
    lines = [line.partition(":") for line in policy.splitlines() if ":" in line]
    fields = {name.strip(): value.strip() for name, _, value in lines}
    patterns = [value.strip().lower() for name, _, value in lines if name.strip() == "mx"]
    mode = fields.get("mode", "")
    if fields.get("version") != "STSv1" or mode not in ("enforce", "testing", "none"):
        text = N_("The MTA-STS policy of %(domain)s is not valid.")
        return wrong(CHECK, text, N_("It needs version: STSv1, mode:, mx: and max_age:."), domain=domain)
    servers = [record.split()[-1].rstrip(".").lower() for record in resolver.lookup(domain, "MX")]
    strangers = [server for server in servers if not any(_matches(server, pattern) for pattern in patterns)]
    if mode != "none" and strangers:
        text = N_("The MTA-STS policy of %(domain)s does not allow its mail server %(server)s: bounces are lost.")
        finding = wrong if mode == "enforce" else warning
        return finding(CHECK, text, N_("Add the line mx: %(server)s."), domain=domain, server=strangers[0])
    return ok(CHECK, N_("MTA-STS of %(domain)s, mode %(mode)s."), domain=domain, mode=mode)


def _matches(server: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return server.partition(".")[2] == pattern[2:]
    return server == pattern


def _check_reports(resolver: Resolver, domain: str, *, has_policy: bool) -> list[Finding]:
    records = [text for text in resolver.lookup(f"_smtp._tls.{domain}", "TXT") if text.startswith("v=TLSRPTv1")]
    advice = N_('Set: _smtp._tls.%(domain)s TXT "v=TLSRPTv1; rua=mailto:ADDRESS-THAT-GETS-REPORTS"')
    if len(records) > 1 or (records and not re.match(r"(mailto|https):", parse_tags(records[0]).get("rua", ""))):
        text = N_("The TLS-RPT record of %(domain)s is not valid: no reports are sent.")
        return [warning("TLS-RPT", text, advice, domain=domain)]
    if has_policy and not records:
        text = N_("%(domain)s has MTA-STS and no TLS-RPT: nobody learns of mail that the policy keeps away.")
        return [warning("TLS-RPT", text, advice, domain=domain)]
    return [ok("TLS-RPT", N_("TLS reports of %(domain)s are asked for."), domain=domain)] if records else []
