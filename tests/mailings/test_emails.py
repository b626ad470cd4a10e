"""Emails of mailings: golden files, headers, header injection, DKIM."""

import base64
import email
import re
import smtplib
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import dkim
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.factories import make_account, make_mailing, make_petition
from support.golden_files import compare_with_golden
from support.mailings import make_consenting_signature, send_mailing
from support.ports import free_port

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.delivery.worker import run_queue
from petition.mailings.content.rendering import _inline_styles
from petition.mailings.drafting import test_emails
from petition.mailings.emails import unsubscribe_link

GOLDEN = Path(__file__).parent / "golden"
TEXTS = {
    "fr": {
        "subject": "Nous avançons, {{ name }}",
        "preheader": "La mairie nous a répondu.",
        "body": "Bonjour {{ name }},\n\nNous sommes **{{ count }}**.\n\n"
        "{% if profession %}Vous avez signé comme {{ profession }}.{% endif %}\n\n"
        "## Ce qui suit\n\n- [la page]({{ petition_link }})\n- <https://example.org/une-page>\n\n"
        "> Un jardin, enfin.\n\n[Votre page]({{ personal_link }})",
    },
    "en": {
        "subject": "We are getting there, {{ name }}",
        "preheader": "The town hall has answered.",
        "body": "Hello {{ name }},\n\nWe are **{{ count }}**.\n\n"
        "{% if profession %}You signed as {{ profession }}.{% endif %}\n\n"
        "## What comes next\n\n- [the page]({{ petition_link }})\n- <https://example.org/a-page>\n\n"
        "> A garden, at last.\n\n[Your page]({{ personal_link }})",
    },
    "es": {
        "subject": "Avanzamos, {{ name }}",
        "preheader": "El ayuntamiento ha respondido.",
        "body": "Hola, {{ name }}:\n\nYa somos **{{ count }}**.\n\n"
        "{% if profession %}Usted firmó como {{ profession }}.{% endif %}\n\n"
        "## Qué sigue\n\n- [la página]({{ petition_link }})\n- <https://example.org/una-pagina>\n\n"
        "> Por fin, un jardín.\n\n[Su página]({{ personal_link }})",
    },
}
LONG_DOMAIN = ".".join(["association-pour-les-jardins-partages-de-la-ville"] * 4) + ".example.org"  # 211 characters


def raw_mailing(sent_emails, locale="fr", **overrides):
    petition = make_petition()
    make_consenting_signature(petition, locale=locale, name="Zoé Martin", profession="Avocate")
    _, (sent,) = send_mailing(petition, sent_emails, texts=TEXTS, **overrides)
    return sent.as_bytes()


def raw_test(sent_emails, locale="fr"):
    petition = make_petition()
    account = make_account(name="Alix", language=locale)
    test_emails.enqueue_tests(make_mailing(petition, texts={locale: TEXTS[locale]}), [account], "alix@example.org")
    db.session.commit()
    # The consent of the sample signer is dated today; the golden file needs a fixed day.
    with patch(
        "petition.mailings.audience.preview.clock", SimpleNamespace(now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    ):
        run_queue("notifications")
    return sent_emails[0].as_bytes()


def raw_stopped(sent_emails, locale="fr"):
    account = make_account(language=locale)
    mailing = make_mailing(
        make_petition(),
        state="paused",
        reason="limit failed 0.0612 0.0500",
        sent_by_id=account.id,
        name="Les nouvelles",
    )
    enqueue("mailing_stopped", NOTIFICATIONS, [OutboxEntry(0, mailing.id, 1)])
    db.session.commit()
    run_queue("notifications")
    return sent_emails[0].as_bytes()


KINDS = {"mailing": raw_mailing, "mailing_test": raw_test, "mailing_stopped": raw_stopped}


def header(raw, name):
    """Return the raw value of a header, unfolded."""
    (found,) = re.findall(rb"^%s:((?:.|\r\n[ \t])*)\r\n" % name.encode(), raw.partition(b"\r\n\r\n")[0] + b"\r\n", re.M)
    return re.sub(rb"\r\n(?=[ \t])", b"", found).strip().decode()


@pytest.mark.parametrize("locale", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_email_is_the_golden_file(app, sent_emails, kind, locale):
    compare_with_golden(KINDS[kind](sent_emails, locale), GOLDEN / f"{kind}.{locale}.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_email_is_valid_mime_in_ascii(app, sent_emails, kind):
    raw = KINDS[kind](sent_emails)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    message = email.message_from_bytes(raw, policy=default)
    assert message.defects == []
    assert max(Counter(name.lower() for name in message).values()) == 1
    assert {"from", "to", "subject", "date", "message-id", "mime-version"} <= {name.lower() for name in message}
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert re.fullmatch(r"<d\d+\.[0-9a-f]{16}@example\.org>", header(raw, "Message-ID"))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    html = message.get_body(("html",)).get_content()
    assert not re.search(r"<img|<script|src=|url\(|<link", html), "nothing is loaded, so nothing tracks"


@pytest.mark.parametrize("sender", ["petition@example.org", f"les-amis@{LONG_DOMAIN}"])
@pytest.mark.parametrize("site", ["http://localhost", f"https://{LONG_DOMAIN}"])
def test_headers_for_programs_are_not_encoded(app, sent_emails, monkeypatch, site, sender):
    monkeypatch.setitem(app.config, "PUBLIC_URL", site)
    monkeypatch.setitem(app.config, "MAIL_DEFAULT_SENDER", sender)
    raw = raw_mailing(sent_emails, reply_to=f"{'r' * 64}@{'d' * 60}.example.org")
    delivery = db.session.query(Delivery).filter_by(kind="mailing").one()
    local, domain = sender.split("@")
    left = header(raw, "List-Unsubscribe")
    link, mailto = left.split(", ")
    assert link.startswith(f"<{site}/u/")
    assert (
        link.rpartition("/")[2].rpartition(".")[0].rpartition(".")[0]
        == (unsubscribe_link(delivery.id).rpartition("/")[2].rpartition(".")[0].rpartition(".")[0])
    )
    assert re.fullmatch(
        rf"<mailto:{local}\+u{delivery.id}-[0-9a-f]{{16}}@{re.escape(domain)}\?subject=unsubscribe>", mailto
    )
    # RFC 8058, 3.1: this value and no other.
    assert header(raw, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert header(raw, "List-Id") == f"<jardin.{domain}>"
    assert header(raw, "Precedence") == "bulk"
    assert header(raw, "Message-ID").endswith(f"@{domain}>")
    assert header(raw, "Reply-To") == f"{'r' * 64}@{'d' * 60}.example.org"
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    message = email.message_from_bytes(raw, policy=default)
    assert message["List-Unsubscribe"] == left, "the standard library reads it unchanged"


@pytest.mark.parametrize("kind", KINDS)
def test_only_mailings_have_unsubscribe_headers(app, sent_emails, kind):
    raw = KINDS[kind](sent_emails)
    if kind == "mailing_stopped":
        assert b"List-Unsubscribe" not in raw
        assert header(raw, "Auto-Submitted") == "auto-generated"  # RFC 3834, 5
    else:
        assert b"List-Unsubscribe-Post" in raw
    if kind == "mailing_test":
        assert header(raw, "List-Unsubscribe").startswith("<http://localhost/u/test>, ")
        assert "/me/test" in email.message_from_bytes(raw, policy=default).get_body(("plain",)).get_content()


def test_internationalised_address_gets_the_same_headers(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition, "zoé@example.org")
    _, (sent,) = send_mailing(petition, sent_emails)
    raw = sent.as_bytes()
    assert "zoé@example.org".encode() in raw
    assert header(raw, "List-Unsubscribe").startswith("<http://localhost/u/")
    assert email.message_from_bytes(raw, policy=default).defects == []


HOSTILE = (
    "Zoé\r\nBcc: x@example.org", "Zoé\nBcc: x@example.org", "Zoé\u2028Bcc: x@example.org", "=?utf-8?q?Bcc:?=",
    "=?utf-8?q?Zo=0D=0ABcc:_x=40example.org?=",
    "=?utf-8?b?" + base64.b64encode(b"Zo\r\nBcc: x@y.org").decode() + "?=",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE[3:])  # the form removes line breaks: views/test_edit.py
def test_sender_name_cannot_inject_a_header(app, sent_emails, name):
    petition = make_petition()
    make_consenting_signature(petition)
    _, (sent,) = send_mailing(petition, sent_emails, sender_name=name)
    raw = sent.as_bytes()
    message = email.message_from_bytes(raw, policy=default)
    assert message["Bcc"] is None
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert [one.addr_spec for one in message["From"].addresses] == ["petition@example.org"]


@pytest.mark.parametrize("name", HOSTILE)
def test_signer_values_cannot_inject_a_header(app, sent_emails, name):
    petition = make_petition()
    signature = make_consenting_signature(petition)
    signature.name = signature.profession = signature.city = name
    db.session.commit()
    text = {"subject": "{{ name }} {{ profession }} {{ city }}", "preheader": "{{ name }}", "body": "{{ name }}"}
    _, (sent,) = send_mailing(petition, sent_emails, texts={"fr": text})
    raw = sent.as_bytes()
    message = email.message_from_bytes(raw, policy=default)
    assert message["Bcc"] is None
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert message["Subject"] == " ".join((f"{name} " * 3).replace("=?", "= ?").split())


def test_address_cannot_inject_a_header(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition)
    make_consenting_signature(petition, "other@example.org").email = "=?utf-8?q?=0D=0ABcc=3Ax?=@example.org"
    db.session.commit()
    _, emails = send_mailing(petition, sent_emails)
    bad = next(sent for sent in emails if "Bcc" in sent.to)
    with pytest.raises(ValueError, match="encoded word"):
        bad.as_bytes()


def test_dark_mode_and_small_screens_have_styles(app, sent_emails):
    html = email.message_from_bytes(raw_mailing(sent_emails), policy=default).get_body(("html",)).get_content()
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 480px)" in html
    assert '<p style="margin: 0 0 18px;' in html


class DkimSigningRelay:
    """A relay that adds a DKIM signature (RFC 6376), as a provider's does."""

    SIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
              b"list-unsubscribe", b"list-unsubscribe-post", b"list-id")  # fmt: skip

    def __init__(self, port):
        key = rsa.generate_private_key(65537, 2048)
        self.key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_key().public_bytes(*der))
        self.port = port

    async def handle_DATA(self, server, session, envelope):
        signature = dkim.sign(envelope.content, b"relay", b"example.org", self.key, include_headers=self.SIGNED)
        with smtplib.SMTP("127.0.0.1", self.port) as connection:
            connection.sendmail(envelope.mail_from, envelope.rcpt_tos, signature + envelope.content)
        return "250 signed"

    def verify(self, raw):
        def dns(name, timeout=5):
            return self.record if name.rstrip(b".") == b"relay._domainkey.example.org" else None

        return dkim.verify(raw, dnsfunc=dns)


class SmtpSink:
    """A mail server that stores what arrives."""

    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append(envelope.content)
        return "250 ok"


@pytest.fixture
def signing_relay(app, monkeypatch):
    sink = SmtpSink()
    last = Controller(sink, hostname="127.0.0.1", port=free_port())
    last.start()
    relay = DkimSigningRelay(last.port)
    first = Controller(relay, hostname="127.0.0.1", port=free_port())
    first.start()
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", first.port)
    yield relay, sink.received
    first.stop()
    last.stop()


def test_dkim_signature_of_a_relay_covers_the_one_click_headers(app, signing_relay, monkeypatch):
    relay, octets = signing_relay
    monkeypatch.setitem(app.config, "PUBLIC_URL", f"https://{LONG_DOMAIN}")
    petition = make_petition()
    body = "Bonjour {{ name }},\n\n.\n\n.. une ligne  \nque voilà\n\n" + "long " * 400 + "\n\nFrom ici"
    make_consenting_signature(petition, name="Ж" * 120)
    send_mailing(petition, [], texts={"fr": {**TEXTS["fr"], "body": body}})
    (raw,) = octets
    assert relay.verify(raw)
    # RFC 8058, 4: the signature must cover both.
    signed = header(raw, "DKIM-Signature").replace(" ", "").lower()
    covered = re.search(r"[; ]h=([^;]*)", signed)[1].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(covered)
    for part in (b"List-Unsubscribe=One-Click", b"/u/", b"Bonjour"):
        assert not relay.verify(raw.replace(part, part[:-1] + b"x")), part


def test_a_mailing_from_right_to_left_is_indented_on_the_right(app):
    body = "- one\n\n> two"
    assert "padding-left: 24px" in _inline_styles(body, "fr")
    html = _inline_styles(body, "ar")
    assert "padding-right: 24px" in html
    assert "border-right: 3px" in html
    assert "-left" not in html
