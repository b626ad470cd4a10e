"""Fuzz targets: each takes any bytes and asserts what must be true for all input, in an application context."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from petition.core import tokens
from petition.core.exceptions import ValidationError
from petition.core.front_matter import InvalidFile
from petition.delivery.bounces import verp
from petition.delivery.bounces.models import KINDS
from petition.delivery.bounces.parser import Report, parse_report
from petition.delivery.bounces.webhook_auth import NotAuthentic, authenticate
from petition.delivery.bounces.webhook_parsers import parse_webhook
from petition.delivery.composers import message_id
from petition.delivery.rendering.templates import SLOT_PATTERN
from petition.mailings.drafting import file_parser as mailing_file_parser
from petition.mailings.drafting.drafts import parse_text as parse_mailing_text
from petition.mailings.emails import Signer, build_message
from petition.mailings.models import Mailing, MailingText
from petition.petitions.counters import Count
from petition.petitions.editing import file_parser as petition_file_parser
from petition.petitions.field_parsers import parse_text
from petition.petitions.models import Petition, PetitionText
from petition.signatures.validation import clean_text as tidy

SECRET = "a secret of the provider"
PURPOSES = ("confirm_signature", "personal_page", "unsubscribe")
EXPECTED = [
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id",
    "Precedence", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Language",
]  # fmt: skip


def fuzz_tokens(data: bytes) -> None:
    """Forged tokens raise one exception; ours are read whole, whatever mail programs append."""
    purpose, rest = PURPOSES[data[0] % 3] if data else PURPOSES[0], data[1:]
    for text in (rest.decode("utf-8", "surrogateescape"), rest.decode("latin-1")):
        with suppress(tokens.BadToken):
            assert all(value >= 0 for value in tokens.read(purpose, text))
        assert tokens.strip_trailing_characters(
            tokens.strip_trailing_characters(text)
        ) == tokens.strip_trailing_characters(text)
    signed = tokens._signer(purpose).sign(rest[:100]).decode("latin-1")
    with suppress(tokens.BadToken):
        assert all(value >= 0 for value in tokens.read(purpose, signed))
    values = tuple(int.from_bytes(rest[n : n + 8], "big") for n in (0, 8))
    token = tokens.make(purpose, *values)
    tail = re.sub(r"[A-Za-z0-9].*", "", rest[16:32].decode("latin-1"), flags=re.DOTALL)
    assert tokens.read(purpose, token + tail) == values
    for other in PURPOSES:
        if other != purpose:
            with suppress(tokens.BadToken):
                raise AssertionError(f"a token of {purpose} is read as {other}: {tokens.read(other, token)}")


def fuzz_bounces(data: bytes) -> None:
    """Any report is parsed without a defect, into values that the database can store."""
    kind, rest = data[:1], data[1:]
    provider = {b"1": "generic", b"2": "ses", b"3": "postmark", b"4": "mailgun", b"5": "brevo"}.get(kind)
    if provider is None:
        found = [parse_report(data)]
    else:
        stamp = str(int(time.time()))
        rest = rest.replace(b"NOW", stamp.encode())
        found = parse_webhook(provider, rest)
        headers = {"X-Petition-Signature": rest[:100].decode("latin-1"), "Authorization": rest[:100].decode("latin-1")}
        with suppress(NotAuthentic):
            raise AssertionError(f"authentic: {authenticate(provider, headers, rest, SECRET)}")
        signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + rest, hashlib.sha256).hexdigest()
        authenticate("generic", {"X-Petition-Signature": f"t={stamp},v1={signed}"}, rest, SECRET)
    for report in found or ():
        _assert_storable(report)


def _assert_storable(report: Report) -> None:
    assert report.kind in KINDS
    for text in (report.status, report.response, report.failed_address, report.message_id, *report.recipients):
        assert isinstance(text, str)
    assert len(report.response) <= 200
    assert len(report.failed_address) <= 320
    f"{report.status}{report.response}".encode()
    for address in report.recipients:
        assert verp.parse_address(address) is None
    assert verp.parse_message_id(report.message_id) is None


def fuzz_mailings(data: bytes) -> None:
    """A mailing that can be saved is rendered for any signer, with exactly its headers."""
    pieces = data.decode("utf-8", "replace").split("\x1e")
    body, subject, preheader, name, profession, title = (*pieces, *[""] * 6)[:6]
    form = {"subject_fr": subject or "Nouvelles", "preheader_fr": preheader, "body_fr": body or "Bonjour."}
    try:
        words = parse_mailing_text(form, "fr")
    except ValidationError:
        return
    if words is None:
        return
    sent = build_message(_mailing(words), _signer(name, profession), _petition(title), Count(12, 10, 2, 0), 7)
    sent.msgId = message_id(7)
    parsed = message_from_bytes(sent.as_bytes(), policy=default)
    assert list(parsed.keys()) == EXPECTED, parsed.keys()
    assert not parsed.defects
    plain, html = (parsed.get_body(kind).get_content() for kind in (("plain",), ("html",)))
    assert not SLOT_PATTERN.search(plain + html + sent.subject)
    assert "http://localhost/u/" in plain
    assert "http://localhost/u/" in html
    _assert_harmless_html(html)


def _mailing(words: dict[str, str]) -> Mailing:
    mailing = Mailing(sender_name="Les amis du jardin", reply_to="amis@example.org", segment={"petitions": [1]})
    mailing.texts = {"fr": MailingText(language="fr", **words)}
    return mailing


def _petition(title: str) -> Petition:
    petition = Petition(id=1, slug="jardin", kind="petition", default_language="fr", sender_name="Les amis")
    try:
        title = parse_text("title", title)
    except ValueError:
        title = "Pour un jardin"
    petition.texts = {"fr": PetitionText(language="fr", title=title, addressee="la maire", professions=[])}
    return petition


def _signer(name: str, profession: str) -> Signer:
    name, profession = _tidy_or_none(name, "name") or "Zoé Martin", _tidy_or_none(profession, "profession")
    return Signer(1, 1, "confirmed", True, None, name, None, profession, None, "zoe@example.org", "fr", 1)


def _tidy_or_none(value: str, field: str) -> str | None:
    try:
        return tidy(value, field)
    except ValueError:
        return None


class _Reader(HTMLParser):
    """Rejects tags and attributes that no email of ours may contain."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe", "object", "embed", "svg", "form", "input", "base", "link"), tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name in ("href", "src"):
                assert urlsplit(value or "").scheme in ("", "http", "https", "mailto"), value


def _assert_harmless_html(html: str) -> None:
    reader = _Reader()
    reader.feed(html)
    reader.close()


def fuzz_documents(data: bytes) -> None:
    """A file that cannot be used is refused with the lines to correct, and by no other exception."""
    text = data.decode("utf-8", "surrogateescape")
    lines = len(text.splitlines()) + 2
    for parse in (petition_file_parser.parse_document, mailing_file_parser.parse_mailing):
        problems = _problems_of(parse, text)
        assert problems is None or problems
        for line, message in problems or ():
            assert 1 <= line <= lines, (line, message)
            assert message


def _problems_of(parse: Callable[[str], Any], text: str) -> list[tuple[int, str]] | None:
    """Return what is wrong with a file, None where it is valid."""
    try:
        parse(text)
    except InvalidFile as error:
        return error.problems
    return None


TARGETS = {
    "tokens": fuzz_tokens,
    "bounces": fuzz_bounces,
    "mailings": fuzz_mailings,
    "documents": fuzz_documents,
}
