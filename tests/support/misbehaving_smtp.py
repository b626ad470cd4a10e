"""A real mail server that misbehaves where a test tells it: at any stage of the dialogue."""

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from support.smtp_server import SmtpServer

STAGES = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "end of data", "QUIT")
HANG, CLOSE, SLOW = "hang", "close", "slow"


class MisbehavingSession(SMTP):
    """One connection; what it does at a stage is asked of the server each time."""

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
        """Give an answer as the stage has it: never, slowly, or not at all; what was taken before is kept."""
        mood = self.event_handler.behaviours.get(self.stage)
        if self.stage == "banner":
            status = self.event_handler.reply_at("banner") or status
        if mood == HANG:
            await asyncio.sleep(3600)
        elif mood == CLOSE:
            self.transport.close()
        elif mood == SLOW:
            for byte in (status.encode() if isinstance(status, str) else status) + b"\r\n":
                self._writer.write(bytes([byte]))
                await asyncio.sleep(self.event_handler.byte_delay)
        else:
            await super().push(status)


class MisbehavingSmtpServer(SmtpServer):
    """Takes every email, but for its `moods`: by stage, one of HANG, CLOSE and SLOW, or an answer to give."""

    def __init__(self):
        super().__init__()
        self.behaviours = {}
        self.reply_delay, self.byte_delay = (
            0,
            0.2,
        )  # seconds before each answer to a command, and before each byte of a slow one

    def reply_at(self, stage):
        """Return the answer that a stage gives in place of its own, if any."""
        mood = self.behaviours.get(stage)
        return None if mood in (None, HANG, CLOSE, SLOW) else mood

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
