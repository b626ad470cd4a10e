"""A real SMTP server in a thread, whose replies a test chooses."""

import asyncio
import re
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller

Answer = Callable[[str], str | None]


class SmtpServer:
    """Collects what it accepts; `on_rcpt` and `on_data` may answer something else for an address."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, EmailMessage]] = []
        self.connections = 0
        self.on_rcpt: Answer = lambda address: None
        self.on_data: Answer = lambda address: None
        self.delay = 0.0
        self.max_emails_per_connection = 1_000_000
        self.pipelining = False
        self.parses_messages = True  # else it stores the addresses only
        self.lock = threading.Lock()

    async def handle_CONNECT(self, server, session, envelope, hostname, port):
        self.connections += 1
        return "220 ready"

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        session.emails = getattr(session, "emails", 0) + 1
        if session.emails > self.max_emails_per_connection:
            return "421 4.7.0 too many emails on this connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.on_rcpt(address)
        if answer == "hang up":
            server.transport.close()
            return "421 not delivered to the client"
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.delay:
            await asyncio.sleep(self.delay)
        address = envelope.rcpt_tos[0]
        answer = self.on_data(address)
        if answer == "hang up":
            server.transport.close()
            return "250 not delivered to the client"
        if answer:
            return answer
        with self.lock:
            message = message_from_bytes(envelope.content, policy=default) if self.parses_messages else EmailMessage()
            self.accepted.append((address, message))
        return "250 accepted"

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.accepted]

    def link_to(self, address: str) -> str:
        """Return the path of the link in the newest email to an address."""
        with self.lock:
            texts = [m.get_body(("plain",)).get_content() for to, m in self.accepted if to == address]
        return re.search(r"(/c/[\w.-]+)", texts[-1])[1]

    def start(self, port: int) -> "SmtpServer":
        self.controller = Controller(self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True, ready_timeout=10)
        self.controller.start()
        return self

    def stop(self) -> None:
        self.controller.stop()
