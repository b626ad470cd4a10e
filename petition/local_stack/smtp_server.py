"""An SMTP server that stores every message as a numbered file and delivers none.

To run it alone: `python -m petition.local_stack.smtp_server --port 2525 --dir DIR`. It imports nothing of the
application, so that it starts quickly.
"""

import asyncio
import os
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import click
from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
MESSAGE_FILE_PATTERN = re.compile(r"(\d{8,})\.eml")


class MessageWriter:
    """Writes messages to a folder, numbered from 1; one process writes it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._last = max(
            (int(found[1]) for name in os.listdir(directory) if (found := MESSAGE_FILE_PATTERN.fullmatch(name))),
            default=0,
        )

    def save(self, sender: str, recipients: list[str], content: bytes) -> int:
        """Store one message, whole or not at all, under its envelope and the time; return its number."""
        envelope = (
            f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
            f"X-Received-At: {datetime.now(UTC).isoformat(timespec='milliseconds')}\r\n"
        )
        unfinished = self._directory / "incoming"
        with open(unfinished, "wb", opener=_open_private) as file:
            file.write(envelope.encode("utf-8", "surrogateescape"))
            file.write(content)
        unfinished.rename(self._directory / f"{self._last + 1:08}.eml")
        self._last += 1
        return self._last

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802, RUF100
        """Store a message that the SMTP server received."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        return f"250 stored as {self.save(envelope.mail_from or '', envelope.rcpt_tos, content)}"


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def serve(port: int, directory: Path) -> None:
    """Listen on a port of 127.0.0.1 until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    store = MessageWriter(directory)

    def session() -> SMTP:
        # The banner carries the PID, so that the starter can tell its own process from another's.
        return SMTP(
            store,
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident=f"mailbox {os.getpid()}",
            loop=loop,
        )

    server = await loop.create_server(session, "127.0.0.1", port, backlog=512)
    await stopped.wait()
    server.close()


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(port: int, directory: Path) -> None:
    """Store every message sent to a port of 127.0.0.1."""
    asyncio.run(serve(port, directory))


if __name__ == "__main__":
    main()
