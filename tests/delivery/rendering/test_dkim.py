"""DKIM signatures of the worker, verified by dkimpy with a DNS that is data."""

import base64
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from petition.delivery.rendering.message import OutgoingMessage

RSA, EDWARDS = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
HEADERS = {
    "Auto-Submitted": "auto-generated",
    "List-Unsubscribe": "<https://petition.example.org/u/" + "x" * 40 + ">, <mailto:petition+u1-0@example.org>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def record(key):
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_key().public_bytes_raw())


def dns(name, timeout=5):
    zone = {b"s1._domainkey.example.org.": record(RSA), b"s2._domainkey.example.org.": record(EDWARDS)}
    return zone.get(name)


@pytest.fixture
def keys(app, monkeypatch):
    """Return a function that sets the keys."""

    def configure(first=None, second=None):
        for which, selector, key in (("", "s1", first), ("SECOND_", "s2", second)):
            monkeypatch.setitem(app.config, f"PETITION_DKIM_{which}SELECTOR", selector if key else None)
            monkeypatch.setitem(app.config, f"PETITION_DKIM_{which}KEY", pem(key) if key else None)

    return configure


def make_message(
    to="zoe@example.org", body="Bonjour Zoé,\n\n  un  lien\t:\nhttps://example.org/c/" + "y" * 90 + "\n\n\n"
):
    message = OutgoingMessage(
        to, "Les amis du jardin, été comme hiver", "fr", HEADERS, subject="Confirmez votre signature, s’il vous plaît",
        body=body, html=f"<p>\n    {body}</p>", reply_to="equipe@example.org",
    )  # fmt: skip
    message.msgId = "<d1.0@example.org>"
    return message


@pytest.mark.parametrize("to", ["zoe@example.org", "zoé@exämple.org"])
def test_signature_verifies_and_covers_what_a_reader_and_a_program_see(keys, to):
    keys(RSA)
    signed = make_message(to).as_signed_bytes()
    assert dkim.verify(signed, dnsfunc=dns)
    header = signed.split(b"\r\n\r\n")[0].split(b"\r\nFrom:")[0]
    assert max(map(len, header.split(b"\r\n"))) <= 78
    covered = b"".join(header.split(b" h=")[1].split(b";")[0].split()).split(b":")
    wanted = "from to subject date reply-to message-id mime-version content-type list-unsubscribe list-unsubscribe-post"
    assert set(wanted.encode().split()) <= set(covered)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: x"),
        (b"/u/x", b"/u/y"),
        (b"One-Click", b"None"),
        (b"/c/y", b"/c/z"),
        (b"MIME-Version", b"From: somebody@else.example\r\nMIME-Version"),
        (b"Reply-To: ", b"Reply-To: x"),
    ],
)
def test_what_is_changed_on_the_way_breaks_it(keys, old, new):
    keys(RSA)
    signed = make_message().as_signed_bytes()
    assert signed.count(old) >= 1
    assert not dkim.verify(signed.replace(old, new, 1), dnsfunc=dns)


def test_spaces_and_empty_lines_changed_on_the_way_do_not(keys):
    keys(RSA)
    signed = make_message().as_signed_bytes()
    changed = signed.replace(b"Auto-Submitted: ", b"auto-submitted:   ").rstrip() + b"\r\n\r\n\r\n"
    assert dkim.verify(changed, dnsfunc=dns)


class VerifyKey:
    """What dkimpy wants of PyNaCl, by `cryptography`."""

    def __init__(self, encoded, encoder):
        self.key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded))

    def verify(self, digest, signature):
        self.key.verify(signature, digest)


NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(ValueError=ValueError, BadSignatureError=InvalidSignature),
)


def test_two_selectors_sign_each_for_itself(keys, monkeypatch):
    keys(RSA, EDWARDS)
    signed = make_message().as_signed_bytes()
    verifier = dkim.DKIM(signed)
    assert signed.count(b"DKIM-Signature:") == 2
    assert verifier.verify(idx=0, dnsfunc=dns)
    monkeypatch.setattr(dkim, "nacl", NACL, raising=False)
    assert dkim.DKIM(signed).verify(idx=1, dnsfunc=dns)
    changed = dkim.DKIM(signed.replace(b"Content-Language: fr", b"Content-Language: en"))
    assert not changed.verify(idx=1, dnsfunc=dns)
    assert b"s=s2" in signed.split(b"From:")[0]
    keys(None, RSA)
    assert b"s=s2" in make_message().as_signed_bytes()
    keys()
    assert b"DKIM" not in make_message().as_signed_bytes()


def test_empty_body_is_signed_as_rfc_6376_says(keys):
    keys(RSA)
    assert dkim.verify(make_message(body="").as_signed_bytes(), dnsfunc=dns)
