"""What DNS says about the sender's domain: good and bad zones as data, on a real DNS server."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.dns_server import DnsServer
from support.waiting import BUSY_FACTOR

from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.findings import find_worst
from petition.operations.doctor.sender_domain import check_domain

DOMAIN, IP = "campagne.fr", "198.51.100.7"


def encode_key(public_key) -> str:
    return base64.b64encode(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def rsa_key(bits: int) -> str:
    """Return a public key of a length; nobody has its private key."""
    return encode_key(rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 12345).public_key())


LONG, SHORT, TINY = rsa_key(2048), rsa_key(1024), rsa_key(768)
EDWARDS = base64.b64encode(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
KEY, DMARC, TXT = f"s1._domainkey.{DOMAIN} TXT", f"_dmarc.{DOMAIN} TXT", f"{DOMAIN} TXT"
PTR = "7.100.51.198.in-addr.arpa PTR"
GOOD = {
    f"{DOMAIN} MX": ["10 mx.campagne.fr."],
    "mx.campagne.fr A": ["192.0.2.1"],
    TXT: ["v=spf1 include:spf.relay.net ~all", "some-site-verification=abc"],
    "spf.relay.net TXT": ["v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all"],
    KEY: [f"v=DKIM1; k=rsa; p={LONG}"],
    DMARC: [f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{DOMAIN}"],
    PTR: ["out.relay.net."],
    "out.relay.net A": [IP],
}


def includes(count: int) -> dict:
    """Return a record with so many includes, each of which has a record."""
    zone = {f"n{number}.relay.net TXT": ["v=spf1 ip4:198.51.100.7 -all"] for number in range(count)}
    return {**zone, TXT: ["v=spf1 " + " ".join(f"include:n{number}.relay.net" for number in range(count)) + " ~all"]}


# Name, what is changed in the good zone, options, and what must be found: check → level and words. All else is ok.
CASES = [
    ("good", {}, {}, {}),
    ("SPF by redirect", {TXT: ["v=spf1 redirect=spf.relay.net"]}, {}, {}),
    ("SPF in capitals", {TXT: ["V=SPF1 INCLUDE:spf.relay.net ~ALL"]}, {}, {}),
    ("SPF by a, mx and length", {TXT: ["v=spf1 a:out.relay.net/24 mx -all"]}, {}, {}),
    ("SPF with ten lookups", includes(10), {}, {}),
    ("SPF with an unknown modifier", {TXT: ["v=spf1 include:spf.relay.net x=y ~all"]}, {}, {}),
    (
        "DKIM by CNAME",
        {KEY: [], f"s1._domainkey.{DOMAIN} CNAME": ["k.relay.net."], "k.relay.net TXT": [f"p={LONG}"]},
        {},
        {},
    ),
    ("DKIM for email", {KEY: [f"v=DKIM1; h=sha1:sha256; s=email; t=s; p={LONG}"]}, {}, {}),
    ("DMARC reject without reports", {DMARC: ["v=DMARC1; p=reject"]}, {}, {}),
    (
        "DMARC reports elsewhere, agreed",
        {
            DMARC: ["v=DMARC1; p=none; rua=mailto:a@reports.net!10m"],
            f"{DOMAIN}._report._dmarc.reports.net TXT": ["v=DMARC1"],
        },
        {},
        {},
    ),
    ("no SPF", {TXT: ["hello"]}, {}, {"SPF": ("wrong", "has no SPF record")}),
    (
        "two SPF records",
        {TXT: ["v=spf1 include:spf.relay.net ~all", "v=spf1 mx ~all"]},
        {},
        {"SPF": ("wrong", "2 SPF records")},
    ),
    ("eleven lookups", includes(11), {}, {"SPF": ("wrong", "needs 11 DNS lookups")}),
    ("SPF includes itself", {TXT: [f"v=spf1 include:{DOMAIN} ~all"]}, {}, {"SPF": ("wrong", "includes itself")}),
    (
        "SPF include without record",
        {TXT: ["v=spf1 include:spf.realy.net ~all"]},
        {},
        {"SPF": ("wrong", "spf.realy.net, which has none")},
    ),
    ("SPF typing error", {TXT: ["v=spf1 inlcude:spf.relay.net ~all"]}, {}, {"SPF": ("wrong", "invalid at “inlcude:")}),
    ("SPF bad address", {TXT: ["v=spf1 ip4:198.51.100 ~all"]}, {}, {"SPF": ("wrong", "invalid at “ip4:198.51.100”")}),
    ("SPF +all", {TXT: ["v=spf1 include:spf.relay.net +all"]}, {}, {"SPF": ("wrong", "whole Internet")}),
    ("SPF ?all", {TXT: ["v=spf1 include:spf.relay.net ?all"]}, {}, {"SPF": ("warning", "says nothing")}),
    ("SPF without all", {TXT: ["v=spf1 include:spf.relay.net"]}, {}, {"SPF": ("warning", "says nothing")}),
    ("SPF ptr", {TXT: ["v=spf1 ptr include:spf.relay.net ~all"]}, {}, {"SPF": ("warning", "“ptr”")}),
    (
        "SPF dead hosts",
        {TXT: ["v=spf1 include:spf.relay.net a:x.fr a:y.fr a:z.fr ~all"]},
        {},
        {"SPF": ("wrong", "names 3 hosts")},
    ),
    ("SPF without the relay", {TXT: ["v=spf1 mx ~all"]}, {}, {"SPF": ("wrong", "does not allow 198.51.100.7")}),
    ("SPF silent", {TXT: "SILENT"}, {}, {"SPF": ("warning", "no answer about campagne.fr")}),
    (
        "SPF name server fails",
        {"spf.relay.net TXT": "SERVFAIL"},
        {},
        {"SPF": ("warning", "no answer about spf.relay.net")},
    ),
    ("no selector", {}, {"selectors": []}, {"DKIM": ("warning", "DKIM is not checked")}),
    ("no DKIM key", {KEY: []}, {}, {"DKIM": ("wrong", "no DKIM key at s1._domainkey.campagne.fr")}),
    ("two DKIM keys", {KEY: [f"p={LONG}", f"p={SHORT}"]}, {}, {"DKIM": ("wrong", "2 records")}),
    ("DKIM revoked", {KEY: ["v=DKIM1; p="]}, {}, {"DKIM": ("wrong", "revoked")}),
    ("DKIM cut off", {KEY: [f"v=DKIM1; p={LONG[:200]}"]}, {}, {"DKIM": ("wrong", "cut off")}),
    ("DKIM of 1024 bits", {KEY: [f"v=DKIM1; p={SHORT}"]}, {}, {"DKIM": ("warning", "1024 bits only")}),
    ("DKIM of 768 bits", {KEY: [f"v=DKIM1; p={TINY}"]}, {}, {"DKIM": ("wrong", "768 bits only")}),
    ("DKIM Ed25519 alone", {KEY: [f"v=DKIM1; k=ed25519; p={EDWARDS}"]}, {}, {"DKIM": ("warning", "not RSA")}),
    ("DKIM SHA-1", {KEY: [f"v=DKIM1; h=sha1; p={LONG}"]}, {}, {"DKIM": ("wrong", "no SHA-256")}),
    ("DKIM test mode", {KEY: [f"v=DKIM1; t=y:s; p={LONG}"]}, {}, {"DKIM": ("warning", "test mode")}),
    ("DKIM not a key", {KEY: ["v=spf1 -all"]}, {}, {"DKIM": ("wrong", "not a DKIM key")}),
    ("no DMARC", {DMARC: []}, {}, {"DMARC": ("wrong", "has no DMARC record")}),
    (
        "two DMARC records",
        {DMARC: ["v=DMARC1; p=none", "v=DMARC1; p=reject"]},
        {},
        {"DMARC": ("wrong", "2 DMARC records")},
    ),
    (
        "DMARC without policy",
        {DMARC: ["v=DMARC1; rua=mailto:a@campagne.fr"]},
        {},
        {"DMARC": ("wrong", "no valid policy")},
    ),
    ("DMARC unknown policy", {DMARC: ["v=DMARC1; p=block"]}, {}, {"DMARC": ("wrong", "no valid policy")}),
    ("DMARC none without reports", {DMARC: ["v=DMARC1; p=none"]}, {}, {"DMARC": ("warning", "without reports")}),
    (
        "DMARC report without mailto",
        {DMARC: ["v=DMARC1; p=none; rua=a@campagne.fr"]},
        {},
        {"DMARC": ("warning", "without mailto")},
    ),
    (
        "DMARC reports elsewhere",
        {DMARC: ["v=DMARC1; p=none; rua=mailto:a@reports.net"]},
        {},
        {"DMARC": ("warning", "did not agree")},
    ),
    (
        "DMARC return path of the relay",
        {"bounce.relay.net MX": ["10 mx.campagne.fr."], "bounce.relay.net TXT": GOOD["spf.relay.net TXT"]},
        {"return_path": "bounce.relay.net"},
        {"DMARC": ("warning", "DMARC needs DKIM")},
    ),
    (
        "DMARC nothing aligns",
        {
            "bounce.relay.net MX": ["10 mx.campagne.fr."],
            "bounce.relay.net TXT": GOOD["spf.relay.net TXT"],
            "s1._domainkey.relay.net TXT": GOOD[KEY],
        },
        {"return_path": "bounce.relay.net", "selectors": ["s1._domainkey.relay.net"]},
        {"DMARC": ("wrong", "every email fails DMARC")},
    ),
    (
        "DKIM of the relay alone",
        {"s1._domainkey.relay.net TXT": GOOD[KEY]},
        {"selectors": ["s1._domainkey.relay.net"]},
        {"DMARC": ("warning", "hangs on SPF alone")},
    ),
    (
        "strict alignment with a subdomain",
        {
            DMARC: ["v=DMARC1; p=reject; aspf=s"],
            "b.campagne.fr MX": ["10 mx.campagne.fr."],
            "b.campagne.fr TXT": GOOD["spf.relay.net TXT"],
        },
        {"return_path": "b.campagne.fr"},
        {"DMARC": ("warning", "DMARC needs DKIM")},
    ),
    ("no MX", {f"{DOMAIN} MX": [], f"{DOMAIN} A": ["192.0.2.1"]}, {}, {"return path": ("warning", "no MX record")}),
    ("no MX and no address", {f"{DOMAIN} MX": []}, {}, {"return path": ("wrong", "neither MX nor address")}),
    ("null MX", {f"{DOMAIN} MX": ["0 ."]}, {}, {"return path": ("wrong", "receives no mail")}),
    (
        "MX without address",
        {f"{DOMAIN} MX": ["10 gone.campagne.fr."]},
        {},
        {"return path": ("wrong", "gone.campagne.fr, which has no")},
    ),
    ("MX is an address", {f"{DOMAIN} MX": ["10 192.0.2.1."]}, {}, {"return path": ("wrong", "is an IP address")}),
    ("no PTR", {PTR: []}, {}, {"relay": ("wrong", "has no name in DNS")}),
    ("PTR leads elsewhere", {"out.relay.net A": ["192.0.2.9"]}, {}, {"relay": ("wrong", "does not lead back")}),
    (
        "no zone at all",
        dict.fromkeys(GOOD, ()),
        {},
        {
            "return path": ("wrong", "neither"),
            "SPF": ("wrong", "no SPF"),
            "DKIM": ("wrong", "no DKIM key"),
            "DMARC": ("wrong", "no DMARC"),
            "relay": ("wrong", "no name"),
        },
    ),
]


NAMES = [case[0] for case in CASES]


@pytest.fixture(scope="module")
def server():
    server = DnsServer().start()
    yield server
    server.stop()


def check(server, changes, options, domain=DOMAIN):
    server.zone = {**GOOD, **changes}
    options = {"selectors": ["s1"], "sending_ips": [IP], "return_path": domain, **options}
    return check_domain(Resolver("127.0.0.1", server.port), domain, **options)


@pytest.mark.parametrize(("changes", "options", "expected"), [case[1:] for case in CASES], ids=NAMES)
def test_zone_is_judged_by_what_is_wrong_with_it(server, changes, options, expected):
    findings = check(server, changes, options)
    bad = {finding.check: (finding.level, finding.message()) for finding in findings if finding.level != "ok"}
    assert bad.keys() == expected.keys(), bad
    for name, (level, words) in expected.items():
        assert bad[name][0] == level
        assert words in bad[name][1]
    assert all(finding.next_step() for finding in findings if finding.level != "ok")


def test_subdomain_inherits_the_policy_of_its_organisation(server):
    changes = {
        "mail.campagne.fr MX": ["10 mx.campagne.fr."],
        "mail.campagne.fr TXT": GOOD["spf.relay.net TXT"],
        "s1._domainkey.mail.campagne.fr TXT": GOOD[KEY],
        DMARC: ["v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@campagne.fr"],
    }
    findings = check(server, changes, {}, domain="mail.campagne.fr")
    assert find_worst(findings) == "ok"
    assert "policy none" in next(each.message() for each in findings if each.check == "DMARC")


@pytest.mark.slow
def test_name_server_that_never_answers_costs_a_bounded_time(server):
    server.zone = dict.fromkeys(GOOD, "SILENT")
    started = time.monotonic()
    resolver = Resolver("127.0.0.1", server.port, total_seconds=4)
    findings = check_domain(resolver, DOMAIN, ["s1"], [IP], DOMAIN)
    assert time.monotonic() - started < 4 * BUSY_FACTOR
    assert [finding.level for finding in findings] == ["warning"] * 6
