"""No text that reaches a header can start another header: in emails and in HTTP responses."""

import email
import json
from email.policy import default

import pytest
from support.factories import make_form, make_petition

from petition.core.db import db
from petition.core.front_matter import InvalidFile
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.petitions.editing import file_parser
from petition.signatures.models import Signature

HOSTILE = (
    "Zoé\r\nBcc: x@evil.example", "Zoé\nBcc: x@evil.example", "Zoé\rBcc: x@evil.example", "Zoé\0Bcc: x",
    "Zoé\u2028Bcc: x@evil.example", "Zoé\u0085Bcc: x@evil.example", "Zoé\x0bBcc: x@evil.example",
    "=?utf-8?q?Zo=0D=0ABcc:_x=40evil.example?=", "=?utf-8?b?Wm8NCkJjYzogeEBldmlsLmV4YW1wbGU=?=",
    "Zoé%0d%0aBcc: x@evil.example", "x" * 3000, "mot " * 700, "\u202egro.elpmaxe@eoz", "é" * 900,
    '"Zoé" <x@evil.example>',
)  # fmt: skip
ADDRESSES = (
    "zoe@example.org\r\nBcc: x@evil.example", "zoe@example.org\nBcc: x@evil.example", "zoe@example.org, x@evil.example",
    '"zoe\r\nBcc: x"@example.org', '"zoe, x@evil.example"@example.org', "zoe@example.org>\r\nRCPT TO:<x@evil.example",
    "=?utf-8?q?=0D=0ABcc=3Ax?=@example.org", "zoe@exa\u2028mple.org", "zoe@" + "a" * 300 + ".org",
    "z" * 300 + "@example.org",
    "zoe%x@example.org", "zoe@[127.0.0.1]", "(Bcc: x)zoe@example.org", "zoe@example.org\0",
)  # fmt: skip
NAMES = ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Auto-Submitted", "X-Auto-Response-Suppress",
         "MIME-Version", "Content-Type", "Content-Language"]  # fmt: skip
ACCEPTABLE = {*HOSTILE[7:10], HOSTILE[-1]}  # one short line of text
NETWORKS = iter(range(10_000))


def network():
    number = next(NETWORKS)
    return {"X-Forwarded-For": f"203.{number // 250}.{number % 250}.1"}


def parse_valid_message(raw, names=NAMES):
    """Parse a serialised message and return it: it has exactly these headers, and no line is too long or broken."""
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not set(b"\r\n") & set(raw.replace(b"\r\n", b""))
    message = email.message_from_bytes(raw, policy=default)
    assert [name for name in message if name != "Reply-To"] == [name for name in names if name != "Reply-To"]
    assert message.defects == []
    return message


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["name", "profession", "organisation", "city"])
def test_signers_input_starts_no_header(client, sent_emails, field, hostile):
    make_petition(accepts_organisations=True)
    party = "organisation" if field == "organisation" else "person"
    form = make_form(**{"party": party, "organisation": "Les amis du jardin", field: hostile})
    for answer in (
        client.post("/p/jardin/sign", data=form, headers=network()),
        client.post("/api/v1/petitions/jardin/signatures", json=form, headers=network()),
    ):
        assert answer.status_code < 500
        assert "Bcc" not in answer.headers
    run_queue("confirmations")
    assert len(sent_emails) == db.session.query(Signature).count()
    for message in sent_emails:
        assert parse_valid_message(message.as_bytes())["To"] == "zoe@example.org"


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_starts_no_header(client, sent_emails, address):
    make_petition()
    for answer in (
        client.post("/p/jardin/sign", data=make_form(email=address), headers=network()),
        client.post("/api/v1/petitions/jardin/signatures", json=make_form(email=address), headers=network()),
    ):
        assert answer.status_code < 500
    run_queue("confirmations")
    for message in sent_emails:
        to = parse_valid_message(message.as_bytes())["To"].addresses
        assert [one.addr_spec for one in to] == [db.session.query(Signature).one().email]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["title", "sender", "reply_to"])
def test_petition_file_starts_no_header(client, sent_emails, field, hostile):
    values = {"title": "Pour un jardin", "sender": "Les amis du jardin", "reply_to": "amis@example.org", field: hostile}
    sender = f"  name: {json.dumps(values['sender'])}\n  reply_to: {json.dumps(values['reply_to'])}"
    front = f"slug: jardin\nkind: petition\ndefault_language: fr\nsender:\n{sender}\naddressee:\n  fr: La ville"
    text = f"---\n{front}\n---\n# fr: {values['title']}\n\n> Court.\n\nLa lettre.\n"
    if field == "reply_to" or hostile not in ACCEPTABLE:
        with pytest.raises(InvalidFile):
            file_parser.parse_document(text)
        return
    found = file_parser.parse_document(text)
    lifecycle.open_(lifecycle.create(found))
    db.session.commit()
    assert client.post("/p/jardin/sign", data=make_form(), headers=network()).status_code == 303
    run_queue("confirmations")
    (message,) = sent_emails
    assert parse_valid_message(message.as_bytes())["To"] == "zoe@example.org"


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["sender_name", "subject", "reply_to", "to", "List-Id", "X-Other"])
def test_outgoing_message_is_valid_or_refused(app, field, hostile):
    parts = {"to": "zoe@example.org", "sender_name": "Amis", "subject": "Bonjour", "reply_to": "amis@example.org"}
    headers = {field: hostile} if field[0].isupper() else {}
    outgoing = OutgoingMessage(
        **{**parts, **({} if headers else {field: hostile})}, locale="fr", headers=headers, body="x", html="x"
    )
    outgoing.msgId = "<d1.x@example.org>"
    try:
        raw = outgoing.as_bytes()
    except (ValueError, UnicodeError, IndexError):
        return
    expected = [*NAMES[:6], *headers, *NAMES[8:]]
    message = parse_valid_message(raw, expected)
    if field == "subject":
        assert message["Subject"] == " ".join(hostile.replace("=?", "= ?").split())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_request_starts_no_header_of_the_response(client, hostile):
    make_petition()
    quoted = hostile.encode("utf-8", "replace").hex("%")
    line = hostile.replace("\r", " ").replace("\n", " ").replace("\0", " ").encode().decode("latin-1")[:4000]
    for answer in (
        client.get(f"/p/jardin?lang=%{quoted}"),
        client.get(f"/account/sign-in?next=%{quoted}"),
        client.get(f"/%{quoted}"),
        client.get("/p/jardin", headers={"X-Request-ID": line, "Accept-Language": line, "Host": "localhost"}),
        client.post(f"/p/jardin/sign?lang=%{quoted}", data=make_form(locale=hostile), headers=network()),
        client.post("/my-signature", data={"email": hostile, "next": hostile}, headers=network()),
    ):
        assert answer.status_code < 500
        assert "Bcc" not in answer.headers
        assert not any(c in f"{name}{value}" for name, value in answer.headers for c in "\r\n\0")
        assert "evil.example" not in answer.headers.get("Location", "").partition("?")[0]


@pytest.mark.parametrize(("server", "is_sent"), [("smtp.postmarkapp.com", True), ("localhost", False)])
def test_postmark_gets_the_message_id_that_it_returns(app, monkeypatch, server, is_sent):
    monkeypatch.setitem(app.config, "MAIL_SERVER", server)
    message = OutgoingMessage("zoe@example.org", "Les amis", "fr", subject="x", body="x", html="x")
    message.msgId = f"<d{10**17}.0123456789abcdef@{'long-' * 10}example.org>"
    parsed = email.message_from_bytes(message.as_bytes())
    value = parsed["X-PM-Metadata-message_id"]
    assert (value is not None) is is_sent
    if is_sent:
        assert len(value) <= 40
        assert value.endswith("@")
        assert message.msgId[1:].startswith(value)
