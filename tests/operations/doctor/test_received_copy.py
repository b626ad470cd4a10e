"""What `petition doctor --copy` says of an email as it arrived: signed here, changed on the way."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.dns_server import DnsServer

from petition.delivery.rendering import dkim
from petition.operations.doctor.dns_lookup import Resolver
from petition.operations.doctor.received_copy import check_copy, find_keys

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SOURCE = b"""From: Les amis <petition@campagne.fr>
To: zoe@orange.fr
Subject: Confirmez
Date: Fri, 27 Nov 2026 12:00:00 +0000
Message-ID: <d1.0@campagne.fr>
List-Unsubscribe: <https://petition.campagne.fr/u/x>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
MIME-Version: 1.0
Content-Type: text/plain

Bonjour
""".replace(b"\n", b"\r\n")
RESULTS = b"Authentication-Results: mx.orange.fr; spf=pass smtp.mailfrom=campagne.fr; dkim=pass; dmarc=pass\r\n"
STOCK_OPENDKIM = tuple(name for name in dkim.SIGNED_HEADERS if name != b"list-unsubscribe-post")


@pytest.fixture(scope="module")
def server():
    server = DnsServer().start()
    server.zone = {"s1._domainkey.campagne.fr TXT": [f"v=DKIM1; k=rsa; p={PUBLIC}"]}
    yield server
    server.stop()


def sign(domain="campagne.fr", source=SOURCE, selector="s1"):
    return dkim.sign(source, domain, (dkim.load_key(selector, PEM),), 1_795_780_000)


def check(server, raw):
    """Return the level and the message of each finding."""
    findings = check_copy(Resolver("127.0.0.1", server.port), raw)
    assert all(finding.next_step() for finding in findings if finding.level != "ok")
    return [(finding.level.value, finding.message()) for finding in findings]


def test_copy_that_is_as_it_should_be(server):
    received = RESULTS + b"Received: from relay\r\n" + sign()
    for raw in (received, received.replace(b"\r\n", b"\n")):
        assert [level for level, _ in check(server, raw)] == ["ok"]
    assert find_keys(received) == ["s1._domainkey.campagne.fr"]


def test_headers_of_one_click_that_stock_opendkim_leaves_out_are_named(server, monkeypatch):
    monkeypatch.setattr(dkim, "SIGNED_HEADERS", STOCK_OPENDKIM)
    ((level, message),) = check(server, sign())
    assert (level, "does not cover List-Unsubscribe and List-Unsubscribe-Post" in message) == ("wrong", True)


@pytest.mark.parametrize(
    ("make", "level", "words"),
    [
        (lambda: SOURCE, "wrong", "no DKIM signature"),
        (lambda: sign("relay.net"), "wrong", "DKIM signs for relay.net, not for campagne.fr"),
        (lambda: sign().replace(b"Bonjour", b"Bonsoir"), "warning", "does not verify"),
        (lambda: sign(selector="old"), "warning", "does not verify"),
        (lambda: RESULTS.replace(b"spf=pass", b"spf=fail") + sign(), "wrong", "SPF fails"),
        (lambda: sign(source=SOURCE + b"x" * 1200 + b"\r\n"), "wrong", "has 1200 bytes"),
        (lambda: sign(source=SOURCE + b"text of a line\r\n" * 8000), "warning", "102 kB"),
        (lambda: sign(source=SOURCE.replace(b"List-", b"X-")), "warning", "no List-Unsubscribe"),
        (lambda: b"not an email at all", "wrong", "not the source of an email"),
        (lambda: b"\x00\xff" * 5000, "wrong", "not the source of an email"),
    ],
)
def test_what_is_wrong_with_a_copy_is_named_first(server, make, level, words):
    found = check(server, make())
    assert found[0][0] == level, found
    assert words in found[0][1]


def test_header_that_is_not_covered_is_named(server, monkeypatch):
    monkeypatch.setattr(dkim, "SIGNED_HEADERS", tuple(name for name in dkim.SIGNED_HEADERS if name != b"message-id"))
    assert check(server, sign())[0] == ("wrong", "DKIM does not cover message-id: somebody on the way can change it.")
