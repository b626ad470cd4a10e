"""The dialogue with servers with and without pipelining, whichever way they reply."""

import smtplib
import socket
import threading

import pytest

from petition.delivery.smtp.client import Smtp
from petition.delivery.smtp.responses import classify_error

MESSAGE = b"Subject: x\r\n\r\n.hidden\r\n..\r\nend\r\n"


class ScriptedSmtpServer:
    """A server that replies to MAIL, RCPT, DATA and the end of data from a list; None disconnects."""

    def __init__(self, *answers, pipelining=True):
        self.answers, self.pipelining, self.received, self.pieces = list(answers), pipelining, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 ready\r\n")
            lines.readline()
            connection.sendall(b"250-it\r\n250 PIPELINING\r\n" if self.pipelining else b"250 it\r\n")
            while self.answers:
                line = lines.readline()
                if not line:
                    return
                self.received.append(line)
                if len(self.received) > 3 and line != b".\r\n":
                    continue
                answer = self.answers.pop(0)
                if answer is None:
                    return
                connection.sendall(answer.encode() + b"\r\n")
            connection.settimeout(5)
            lines.read()

    def close(self):
        self.thread.join(10)
        self.listener.close()


@pytest.fixture
def send_to_scripted_server():
    """Return a function that sends one email to a scripted server; it returns the error, the client and the server."""
    servers = []

    def converse(*answers, pipelining=True, recipient="zoe@example.org", next_envelope=None):
        server = ScriptedSmtpServer(*answers, pipelining=pipelining)
        servers.append(server)
        client = Smtp("127.0.0.1", server.port, timeout=2)
        client.ehlo()
        try:
            client.send_email(("us@example.org", recipient), MESSAGE, next_envelope)
            if next_envelope:
                client.send_email(next_envelope, MESSAGE)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            return error, client, server
        finally:
            alive = client.sock is not None
            client.close()
            client.alive = alive
        return None, client, server

    yield converse
    for server in servers:
        server.close()


@pytest.mark.parametrize("pipelining", [True, False])
def test_email_is_sent_byte_for_byte(send_to_scripted_server, pipelining):
    error, client, server = send_to_scripted_server(
        "250 ok", "250 ok", "354 go", "250 queued as 7", pipelining=pipelining
    )
    assert error is None
    assert client.response == b"queued as 7"
    assert server.received[:3] == [b"MAIL FROM:<us@example.org>\r\n", b"RCPT TO:<zoe@example.org>\r\n", b"DATA\r\n"]
    assert b"".join(server.received[3:]) == b"Subject: x\r\n\r\n..hidden\r\n...\r\nend\r\n.\r\n"


REFUSED_LATER = ["503 no sender", "503 no recipient"]


@pytest.mark.parametrize(
    ("answers", "kind", "state", "code", "stays"),
    [
        (["550 not you", *REFUSED_LATER], smtplib.SMTPSenderRefused, "deferred", 550, True),
        (["250 ok", "550 5.1.1 nobody", "554 none"], smtplib.SMTPRecipientsRefused, "failed", 550, True),
        (["250 ok", "451 later", "554 none"], smtplib.SMTPRecipientsRefused, "deferred", 451, True),
        (["250 ok", "550 nobody", "354 go"], smtplib.SMTPRecipientsRefused, "failed", 550, False),
        (["250 ok", "250 ok", "554 no"], smtplib.SMTPDataError, "failed", 554, True),
        (["421 closing", None], smtplib.SMTPSenderRefused, "deferred", 421, False),
        (["250 ok", "421 closing", None], smtplib.SMTPRecipientsRefused, "deferred", 421, False),
        (["250 ok", None], smtplib.SMTPServerDisconnected, "unknown", None, False),
        (["gar bage", "250 ok", "250 ok"], smtplib.SMTPSenderRefused, "deferred", None, True),
        (["250 ok", "250 ok", "354 go", None], smtplib.SMTPServerDisconnected, "unknown", None, False),
        (["250 ok", "250 ok", "354 go", "452 full"], smtplib.SMTPDataError, "deferred", 452, True),
    ],
)
def test_smtp_refusal_is_raised_by_its_step(send_to_scripted_server, answers, kind, state, code, stays):
    error, client, _ = send_to_scripted_server(*answers)
    assert type(error) is kind
    outcome = classify_error(error, connecting=False, send_again=False)
    assert (outcome.state, outcome.code) == (state, code)
    assert client.alive == stays


def test_nothing_follows_a_refusal_without_pipelining(send_to_scripted_server):
    error, _, server = send_to_scripted_server("250 ok", "550 5.1.1 nobody", pipelining=False)
    assert type(error) is smtplib.SMTPRecipientsRefused
    assert server.received[1:] == [b"RCPT TO:<zoe@example.org>\r\n"]


def test_address_cannot_start_another_command(send_to_scripted_server):
    error, _, server = send_to_scripted_server("250 ok", recipient="zoe@example.org>\r\nRCPT TO:<other@example.org")
    assert type(error) is ValueError
    assert server.received == []


def test_non_ascii_address_is_not_offered_to_a_server_without_smtputf8(send_to_scripted_server):
    error, _, server = send_to_scripted_server("250 ok", recipient="zoé@example.org")
    assert type(error) is smtplib.SMTPNotSupportedError
    assert server.received == []


NEXT = ("us+2@example.org", "ada@example.org")
COMMANDS = [b"MAIL FROM:<us+2@example.org>\r\n", b"RCPT TO:<ada@example.org>\r\n", b"DATA\r\n"]


def test_next_envelope_is_pipelined(send_to_scripted_server):
    replies = ("250 ok", "250 ok", "354 go", "250 one\r\n250 ok\r\n250 ok\r\n354 go", "250 two")
    error, client, server = send_to_scripted_server(*replies, next_envelope=NEXT)
    assert error is None
    assert client.response == b"two"
    assert client.pipelined_envelope is None
    end = server.received.index(b".\r\n")
    assert server.received[end + 1 : end + 4] == COMMANDS
    assert server.received.count(b"DATA\r\n") == 2


def test_next_envelope_is_not_sent_along_without_pipelining(send_to_scripted_server):
    _, client, server = send_to_scripted_server(
        "250 ok", "250 ok", "354 go", "250 one", pipelining=False, next_envelope=("us@example.org", "a\r\n@example.org")
    )
    assert server.received[-1] == b".\r\n"
    assert client.pipelined_envelope is None
