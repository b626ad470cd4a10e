"""The mailings' emails: golden files in both languages, headers as the RFCs say, and a signature that a relay adds."""

import base64
import email
import os
import re
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

import dkim
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from factories import make_account, make_mailing, make_petition, make_signature
from ports import free_port

from petition.core import clock
from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.delivery.lanes import NOTICES
from petition.delivery.models import Delivery
from petition.delivery.post import Owed, post
from petition.mailings import rehearse
from petition.mailings.models import STOPPED_KIND
from petition.mailings.watch import watch

GOLDEN = Path(__file__).parent / "golden"
BODY = """Bonjour {{ name }},

Nous sommes **{{ count }}** à avoir signé *{{ petition }}*, et {{ profession|default("vous") }} en êtes.

## La suite

- un rendez-vous à la [mairie](https://example.org/une/adresse/assez/longue/pour/ne/pas/tenir/sur/une/ligne?avec=une&suite=1)
- {% if city %}une réunion à {{ city }}{% else %}une réunion près de chez vous{% endif %}

> « Un jardin pour tous. »

[Votre page]({{ personal_link }}) · {{ petition_link }}

{{ sender }}"""
TEXTS = {
    "fr": {"subject": "Des nouvelles du jardin, {{ name }}", "preheader": "Nous sommes {{ count }}.", "body": BODY},
    "en": {"subject": "News of the garden, {{ name }}", "preheader": "We are {{ count }}.", "body": BODY},
}


def mailing_for(**signer):
    petition = make_petition()
    agreed = datetime(2026, 11, 18, 12, tzinfo=UTC)
    make_signature(petition, state="confirmed", updates=True, updates_at=agreed, **signer)
    db.session.query(Delivery).delete()
    return make_mailing(petition, texts=TEXTS, state="scheduled", send_at=clock.now() - timedelta(seconds=1))


def sent(outbox, kind, locale):
    mailing = mailing_for(locale=locale, profession="Avocate", city="Lyon")
    account = make_account(language=locale, password="four words are enough", role_names=["sender"])
    if kind == "mailing":
        watch()
        dispatch("mailings")
    elif kind == "mailing_test":
        mailing.state = "draft"
        rehearse.rehearse(mailing, [account], "alix")
        db.session.commit()
        dispatch("notices")
        outbox[:] = [letter for letter in outbox if letter.locale == locale]
    else:
        mailing.state, mailing.reason, mailing.sent_by_id = "paused", "limit failed 0.0712 0.0500", account.id
        post(STOPPED_KIND, NOTICES, [Owed(0, mailing.id, 1)])
        db.session.commit()
        dispatch("notices")
    return outbox[0].as_bytes()


def settled(raw):
    """Return the message as a reader sees it, with what differs from run to run blanked out."""
    message = email.message_from_bytes(raw, policy=default)
    headers = "".join(f"{name}: {value}\n" for name, value in message.items() if name not in ("Content-Type", "Date"))
    parts = "".join(
        f"\n===== {part.get_content_type()}\n{part.get_content()}" for part in message.walk() if not part.is_multipart()
    )
    shown = re.sub(r"/(me|u)/(?!test)[\w.-]+", r"/\1/TOKEN", headers + parts)
    shown = re.sub(r"\+u\d+-\w+@", "+uDELIVERY@", shown)
    return re.sub(r"<d\d+\.\w+@", "<DELIVERY@", shown).replace("\r\n", "\n")


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", ["mailing", "mailing_test", "mailing_stopped"])
def test_the_email_reads_as_it_should(app, outbox, kind, locale):
    shown = settled(sent(outbox, kind, locale))
    golden = GOLDEN / f"{kind}.{locale}.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def check_octets(raw):
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = email.message_from_bytes(raw, policy=default)
    assert message.defects == []
    for name in ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"):
        assert len(message.get_all(name, [])) == 1, name
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    return message


@pytest.mark.parametrize("url", ["http://localhost", "https://petitions.a-rather-long-name.example.org/in/a/folder/fr"])
@pytest.mark.parametrize("sender", ["petition@example.org", "nouvelles-de-la-campagne@une-longue-campagne.example.org"])
def test_headers_are_as_rfc_8058_and_its_kin_say(app, outbox, monkeypatch, url, sender):
    monkeypatch.setitem(app.config, "PUBLIC_URL", url)
    monkeypatch.setitem(app.config, "MAIL_DEFAULT_SENDER", sender)
    monkeypatch.setattr(app.extensions["mail"], "default_sender", sender)
    raw = sent(outbox, "mailing", "fr")
    message = check_octets(raw)
    unfolded = re.sub(rb"\r\n[ \t]", b" ", raw.split(b"\r\n\r\n")[0]).decode()
    found = re.search(r"^List-Unsubscribe: (.*)$", unfolded, re.MULTILINE)[1]
    https, mailto = found.strip().split(", ")
    assert re.fullmatch(rf"<{re.escape(url)}/u/[\w.-]+>", https)
    assert re.fullmatch(r"<mailto:[\w.-]+\+u\d+-[0-9a-f]{16}@[\w.-]+\?subject=unsubscribe>", mailto)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == f"<jardin.{sender.partition('@')[2]}>"
    assert message["Precedence"] == "bulk"
    assert message["Auto-Submitted"] is None, "a mailing is written by people (RFC 3834, 5)"


def test_a_long_text_in_any_script_stays_within_the_lines(app, outbox):
    texts = {"fr": {"subject": "é" * 200, "preheader": "", "body": "Ж" * 20_000 + "\n\n" + "x" * 5_000}}
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True, name="Ж" * 120)
    make_mailing(petition, texts=texts, state="scheduled", send_at=clock.now())
    watch()
    dispatch("mailings")
    check_octets(outbox[0].as_bytes())


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class SigningRelay:
    """A relay that signs what it takes, as a mail server in front of the world does."""

    def __init__(self, key):
        self.key = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self.taken = []

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        names = [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"List-Unsubscribe", b"List-Unsubscribe-Post"]
        signature = dkim.sign(raw, b"sel", b"example.org", self.key, include_headers=names)
        self.taken.append((envelope.mail_from, signature + raw))
        return "250 taken"


def test_a_verifier_accepts_what_a_relay_has_signed(app, key, monkeypatch):
    relay = SigningRelay(key)
    controller = Controller(relay, hostname="127.0.0.1", port=free_port(), ready_timeout=10)
    controller.start()
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", controller.port)
    try:
        mailing_for(locale="fr", name="Zoé Martin", profession="Éducatrice")
        watch()
        dispatch("mailings")
    finally:
        controller.stop()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    ((envelope_from, raw),) = relay.taken
    assert dkim.verify(raw, dnsfunc=lambda *_, **__: record)
    assert not dkim.verify(raw.replace(b"One-Click", b"Two-Click"), dnsfunc=lambda *_, **__: record)
    assert re.fullmatch(r"petition\+b\d+-[0-9a-f]{16}@example\.org", envelope_from)
