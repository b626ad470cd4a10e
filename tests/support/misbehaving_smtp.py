"""A real SMTP server that misbehaves at the stages of a session that a test chooses."""

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from support.smtp_server import SmtpServer

STAGES = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "end of data", "QUIT")
HANG, CLOSE, SLOW = "hang", "close", "slow"


class MisbehavingSession(SMTP):
    """One connection; the server decides its behaviour at each stage."""

    stage = "banner"

    def __init__(self, handler, **settings):
        super().__init__(handler, **settings)
        self._smtp_methods = {name: self._at(name, method) for name, method in self._smtp_methods.items()}

    def _at(self, stage, method):
        async def run(argument):
            self.stage = stage
            await asyncio.sleep(self.event_handler.reply_delay)
            reply = self.event_handler.reply_at(stage)
            await (self.push(reply) if reply else method(argument))

        return run

    async def push(self, status):
        """Send a reply with the stage's behaviour: never, slowly, or not at all; accepted emails stay accepted."""
        behaviour = self.event_handler.behaviours.get(self.stage)
        if self.stage == "banner":
            status = self.event_handler.reply_at("banner") or status
        if behaviour == HANG:
            await asyncio.sleep(3600)
        elif behaviour == CLOSE:
            self.transport.close()
        elif behaviour == SLOW:
            for byte in (status.encode() if isinstance(status, str) else status) + b"\r\n":
                self._writer.write(bytes([byte]))
                await asyncio.sleep(self.event_handler.byte_delay)
        else:
            await super().push(status)


class MisbehavingSmtpServer(SmtpServer):
    """Accepts every email, except for its `behaviours`: by stage, HANG, CLOSE, SLOW, or a reply to send."""

    def __init__(self):
        super().__init__()
        self.behaviours = {}
        # Seconds before each reply to a command, and before each byte of a slow reply.
        self.reply_delay, self.byte_delay = 0, 0.2

    def reply_at(self, stage):
        """Return the reply that replaces a stage's own, if any."""
        behaviour = self.behaviours.get(stage)
        return None if behaviour in (None, HANG, CLOSE, SLOW) else behaviour

    async def handle_DATA(self, server, session, envelope):
        server.stage = "end of data"
        return self.reply_at("end of data") or await super().handle_DATA(server, session, envelope)

    def start(self, port):
        """Listen on a port of this loopback."""
        self.port = port
        self.controller = _Controller(self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True, ready_timeout=10)
        self.controller.start()
        return self


class _Controller(Controller):
    def factory(self):
        return MisbehavingSession(self.handler, **self.SMTP_kwargs)
