"""The local mailbox: every message is stored, numbered and shown, however malformed."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from support.waiting import BUSY_FACTOR

import petition
from petition.local_stack import mailbox_views
from petition.local_stack.ports import choose_port
from petition.local_stack.services import SmtpServer
from petition.local_stack.smtp_server import MessageWriter

PLAIN = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mailbox"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path, choose_port(None)) as engine:
        yield engine


@pytest.fixture
def client(folder: Path) -> FlaskClient:
    app = Flask(__name__, root_path=str(Path(petition.__file__).parent))
    app.register_blueprint(mailbox_views.blueprint(folder))
    app.testing = True
    return app.test_client()


def make_message(to: str = "marie@example.org", subject: str = "Confirmez votre signature à la lettre") -> EmailMessage:
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = "Accès à Internet <contact@example.org>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    message.set_content("Bonjour Hélène,\n\nhttps://petition.example/c/abc?x=1&y=2.\n")
    message.add_alternative('<p>Bonjour <a href="https://petition.example/c/abc">oui</a></p>', subtype="html")
    return message


def send(server: SmtpServer, message: EmailMessage, to: list[str], sender: str = "bounce+1@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as connection:
        connection.send_message(message, sender, to)


def test_a_message_comes_out_as_it_went_in(server: SmtpServer, client: FlaskClient) -> None:
    send(server, make_message(), ["marie@example.org"])
    (mail,) = client.get("/mailbox/messages.json").get_json()
    assert set(mail) == {"id", "from", "to", "subject", "date", "headers", "text", "html"}
    assert mail["id"] == 1
    assert (mail["from"], mail["to"]) == ("contact@example.org", "marie@example.org")
    assert mail["subject"] == "Confirmez votre signature à la lettre"
    assert mail["date"] == "2026-11-23T10:00:00+01:00"
    assert mail["headers"]["X-Envelope-From"] == "bounce+1@example.org"
    assert mail["headers"]["From"] == "Accès à Internet <contact@example.org>"
    assert mail["text"] == "Bonjour Hélène,\n\nhttps://petition.example/c/abc?x=1&y=2.\n"
    assert 'href="https://petition.example/c/abc"' in mail["html"]


def test_an_address_beyond_ascii(server: SmtpServer, client: FlaskClient) -> None:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as connection:
        connection.ehlo()
        connection.send_message(make_message("élodie@exämple.org"), "a@example.org", ["élodie@exämple.org"])
    (mail,) = client.get("/mailbox/messages.json", query_string={"to": "Élodie@exämple.org"}).get_json()
    assert mail["to"] == "élodie@exämple.org"


def test_numbers_go_on_after_a_restart(tmp_path: Path, client: FlaskClient) -> None:
    for expected in ([1], [1, 2]):
        with SmtpServer(tmp_path, choose_port(None)) as server:
            send(server, make_message(), ["marie@example.org"])
            process = server.process
            server.stop(BUSY_FACTOR)
        assert process is not None
        assert process.returncode == 0
        assert [mail["id"] for mail in client.get("/mailbox/messages.json").get_json()] == expected


def test_it_stops_at_once_with_a_client_connected(tmp_path: Path) -> None:
    with (
        SmtpServer(tmp_path, choose_port(None)) as server,
        smtplib.SMTP("127.0.0.1", server.port, timeout=60) as connection,
    ):
        connection.ehlo()
        process = server.process
        server.stop(BUSY_FACTOR)
        assert process is not None
        assert process.returncode == 0
        # What is left of the connection says nothing of interest.
        connection.close()


def test_the_filters(folder: Path, client: FlaskClient) -> None:
    store = MessageWriter(folder)
    for name in ("ann", "bob", "ann"):
        store.save("a@example.org", [f"{name}@example.org", "Copy@example.org"], PLAIN)

    def ids(**query: object) -> list[int]:
        return [mail["id"] for mail in client.get("/mailbox/messages.json", query_string=query).get_json()]

    assert ids() == [1, 2, 3]
    assert ids(after=1) == [2, 3]
    assert ids(to="ANN@example.org") == [1, 3]
    assert ids(to="copy@example.org", after=2) == [3]
    assert ids(to="an@example.org") == []
    assert ids(after=3) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all",
        b"\x00\xff\xfe broken\r\n\r\n\xff",
        b"Subject: =?utf-8?B?////?=\r\nFrom: <<>>;@\r\nTo: ,;:\r\nDate: yesterday\r\n\r\nx",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xe9\xff",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n====a",
        b'From: "\r\nTo: =?x?q?\r\nMessage-ID: <[\r\nContent-Disposition: ;;=\r\n\r\nx',
        b"Subject: caf\xe9 \xc3\xa9\r\n\r\nraw",
    ],
)
def test_a_broken_message_is_shown(folder: Path, client: FlaskClient, content: bytes) -> None:
    MessageWriter(folder).save("", ["a@example.org"], content)
    for place in ("/mailbox", "/mailbox/1", "/mailbox/1/html", "/mailbox/1/source", "/mailbox/messages.json"):
        assert client.get(place).status_code == 200
    assert content.rstrip() in client.get("/mailbox/1/source").data


def test_the_list_is_newest_first_by_pages(folder: Path, client: FlaskClient) -> None:
    assert "No emails yet" in client.get("/mailbox").text
    store = MessageWriter(folder)
    for number in range(1, 61):
        store.save("a@example.org", ["b@example.org"], PLAIN.replace(b"Hello", f"Number {number}.".encode()))
    first, second = client.get("/mailbox").text, client.get("/mailbox?page=2").text
    assert first.index("Number 60.") < first.index("Number 11.")
    assert "Number 10." not in first
    assert "Number 10." in second
    assert client.get("/mailbox?page=9").status_code == 200


def test_links_are_made_and_nothing_else(folder: Path, client: FlaskClient) -> None:
    MessageWriter(folder).save(
        "a@example.org", ["b@example.org"], bytes(make_message(subject="<script>alert(1)</script>"))
    )
    page = client.get("/mailbox/1")
    assert "<script>" not in page.text
    link = "https://petition.example/c/abc?x=1&amp;y=2"
    assert f'<a href="{link}">{link}</a>.' in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]


def test_the_html_is_caged_and_its_links_open_at_top(folder: Path, client: FlaskClient) -> None:
    MessageWriter(folder).save("a@example.org", ["b@example.org"], bytes(make_message()))
    response = client.get("/mailbox/1/html")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert '<base target="_top">' in response.text


def test_what_does_not_exist(client: FlaskClient) -> None:
    for place in ("/mailbox/1", "/mailbox/1/html", "/mailbox/1/source"):
        assert client.get(place).status_code == 404
    assert client.get("/mailbox/messages.json").get_json() == []
