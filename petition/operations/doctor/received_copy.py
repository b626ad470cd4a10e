"""Check an email of ours as it arrived: what DKIM covers, whether it verifies, what the receiver says, its size."""

import email
import re
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr

import dkim

from petition.core.i18n import N_
from petition.delivery.smtp.responses import sanitize_response
from petition.operations.doctor.dkim import SELECTOR_PATTERN, parse_tags
from petition.operations.doctor.dmarc import get_organisational_domain
from petition.operations.doctor.dns_lookup import DnsUnanswered, Resolver
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "received copy"
MAX_COPY_BYTES = 1024 * 1024
MAX_SIGNATURES = 5
MAX_LINE_BYTES = 998  # RFC 5322, 2.1.1
GMAIL_CLIPS_BYTES = 102 * 1024  # of the HTML part: Gmail shows no more
BASIC_HEADERS = ("from", "to", "subject", "date", "message-id")
UNSUBSCRIBE_HEADERS = ("list-unsubscribe", "list-unsubscribe-post")  # RFC 8058, 4: both must be signed
RESULT_PATTERN = re.compile(r"\b(spf|dkim|dmarc)=(\w+)", re.I)


def find_keys(raw: bytes) -> list[str]:
    """Return the names in DNS of the keys that signed a copy, `s1._domainkey.example.org`."""
    names = []
    for tags in _find_signatures(_parse(raw)):
        selector, domain = tags.get("s", ""), tags.get("d", "").lower()
        if SELECTOR_PATTERN.fullmatch(selector) and SELECTOR_PATTERN.fullmatch(domain):
            names.append(f"{selector}._domainkey.{domain}")
    return names


def check_copy(resolver: Resolver, raw: bytes) -> list[Finding]:
    """Return what a received copy shows, given as its source."""
    message = _parse(raw)
    sender = parseaddr(str(message.get("From", ""))[:1000])[1].rpartition("@")[2].lower()
    if not sender:
        text = N_("This is not the source of an email: it has no From.")
        return [wrong(CHECK, text, N_("In the mail program, show the source (“original”) and save it whole."))]
    findings = [*_check_signatures(resolver, raw, message, sender), *_check_results(message), *_check_form(raw)]
    return findings or [ok(CHECK, N_("DKIM covers what it should and verifies; size and lines are as they should be."))]


def _parse(raw: bytes) -> Message:
    return email.message_from_bytes(raw[:MAX_COPY_BYTES].lstrip(), policy=compat32)


def _find_signatures(message: Message) -> list[dict[str, str]]:
    values = message.get_all("DKIM-Signature", [])[:MAX_SIGNATURES]
    return [parse_tags(re.sub(r"\s+", " ", str(value)[:10_000])) for value in values]


def _check_signatures(resolver: Resolver, raw: bytes, message: Message, sender: str) -> list[Finding]:
    signatures = _find_signatures(message)
    if not signatures:
        text = N_("The copy has no DKIM signature.")
        return [wrong(CHECK, text, N_("Switch DKIM on at the relay, or set PETITION_DKIM_SELECTOR and its key."))]
    organisation = get_organisational_domain(sender)
    aligned = {
        position: tags
        for position, tags in enumerate(signatures)
        if get_organisational_domain(tags.get("d", "")) == organisation
    }
    if not aligned:
        text = N_("DKIM signs for %(signed)s, not for %(sender)s: DMARC fails by DKIM.")
        advice = N_("Have your relay sign with d=%(sender)s.")
        return [wrong(CHECK, text, advice, signed=signatures[0].get("d", "-")[:80], sender=sender)]
    covered = [set(tags.get("h", "").lower().replace(" ", "").split(":")) for tags in aligned.values()]
    findings = _check_covered(message, covered)
    return findings + _verify(resolver, raw, list(aligned))


def _check_covered(message: Message, covered: list[set[str]]) -> list[Finding]:
    """Return which headers no signature covers that has the sender's domain."""
    present = {name.lower() for name in message.keys()}  # noqa: SIM118 - a message is no mapping
    missing = [name for name in BASIC_HEADERS if name in present and not any(name in names for names in covered)]
    findings = []
    if missing:
        text = N_("DKIM does not cover %(names)s: somebody on the way can change it.")
        findings.append(wrong(CHECK, text, N_("Add it to the headers that the relay signs."), names=", ".join(missing)))
    if not set(UNSUBSCRIBE_HEADERS) <= present:
        text = N_("The copy has no List-Unsubscribe and List-Unsubscribe-Post: whether DKIM covers them is not known.")
        findings.append(warning(CHECK, text, N_("Take the copy of a mailing, or of `petition doctor --send-to`.")))
    elif not any(names.issuperset(UNSUBSCRIBE_HEADERS) for names in covered):
        text = N_("DKIM does not cover List-Unsubscribe and List-Unsubscribe-Post: Gmail and Yahoo offer no one click.")
        advice = N_("Have the relay sign both; for OpenDKIM docs/deliverability.md has the setting.")
        findings.append(wrong(CHECK, text, advice))
    return findings


def _verify(resolver: Resolver, raw: bytes, positions: list[int]) -> list[Finding]:
    def ask(name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG001 - dkimpy passes its own
        records = resolver.lookup(name.decode("ascii", "replace").rstrip("."), "TXT")
        return records[0].encode() if records else None

    source = re.sub(rb"\r?\n", b"\r\n", raw[:MAX_COPY_BYTES].lstrip())
    error = ""
    for position in positions:
        try:
            if dkim.DKIM(source).verify(idx=position, dnsfunc=ask):
                return []
            error = "the signature does not match the headers"
        except DnsUnanswered as unanswered:
            error = str(unanswered)
        except Exception as failure:  # a library, on what anybody can write
            error = f"{type(failure).__name__}: {failure}"
    text = N_("The DKIM signature of this copy does not verify: %(error)s")
    advice = N_(
        "Save the source as a file rather than from the screen. If it still fails, something behind the relay changes "
        "emails, or the key in DNS is another one."
    )
    return [warning(CHECK, text, advice, error=sanitize_response(error))]


def _check_results(message: Message) -> list[Finding]:
    """Return what the receiver's own server found (RFC 8601): the topmost header alone, as others can be forged."""
    results = RESULT_PATTERN.findall(str(message.get("Authentication-Results", ""))[:5000])
    passed = {name.lower() for name, result in results if result.lower() == "pass"}
    failed = [name.lower() for name, result in results if result.lower() in ("fail", "permerror", "softfail")]
    bad = sorted(set(failed) - passed)
    if not bad:
        return []
    text = N_("The receiver found that %(names)s fails (Authentication-Results).")
    return [wrong(CHECK, text, N_("See the other findings for these; docs/deliverability.md has the order."),
                  names=", ".join(bad).upper())]  # fmt: skip


def _check_form(raw: bytes) -> list[Finding]:
    findings = []
    longest = max(map(len, raw.splitlines()), default=0)
    if longest > MAX_LINE_BYTES:
        text = N_("A line of the copy has %(bytes)d bytes; 998 are allowed: servers break it, and DKIM with it.")
        advice = N_("Something on the way re-encodes emails: have it leave them as they are.")
        findings.append(wrong(CHECK, text, advice, bytes=longest))
    if len(raw) > GMAIL_CLIPS_BYTES:
        text = N_("The copy has %(size)d kB: Gmail cuts emails of more than 102 kB, and hides what is at their end.")
        findings.append(warning(CHECK, text, N_("Shorten the text of the mailing."), size=len(raw) // 1024))
    return findings
