"""Fetch bounce messages from a Maildir or an IMAP mailbox, a bounded number at a time."""

import mailbox
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
from flask import current_app
from imap_tools import AND, MailBox
from imap_tools.errors import ImapToolsError

from petition.core.db import db
from petition.delivery.bounces.processing import process_message

MAX_MESSAGES_PER_POLL = 200
PROCESSED_FOLDER = "Processed"
IMAP_TIMEOUT_SECONDS = 10  # for each reply of the IMAP server

log = structlog.get_logger(__name__)


def poll_mailbox() -> int:
    """Process the messages in the mailbox of the settings, if there is one, and return how many. Commits each.

    A message is moved out of the inbox only once it is recorded: after a crash it is processed again, and counted once.
    """
    url = urlsplit(current_app.config["PETITION_BOUNCE_MAILBOX"] or "")
    if url.scheme == "maildir":
        return sum(1 for _ in _poll_maildir(Path(unquote(url.path))))
    if url.scheme == "imaps":
        try:
            return sum(
                1 for _ in _poll_imap(url.hostname or "", url.port or 993, unquote(url.username or ""), url.path)
            )
        except (ImapToolsError, OSError) as error:
            log.warning("the bounce mailbox cannot be read", error=type(error).__name__)
    return 0


def _poll_maildir(path: Path) -> Iterator[None]:
    with closing(mailbox.Maildir(path, create=True)) as inbox:
        processed = inbox.add_folder(PROCESSED_FOLDER)
        for key in list(inbox.keys())[:MAX_MESSAGES_PER_POLL]:
            process_message(inbox.get_bytes(key), "maildir")
            db.session.commit()
            processed.add(inbox.get_message(key))
            inbox.discard(key)
            yield


def _poll_imap(host: str, port: int, user: str, path: str) -> Iterator[None]:
    folder, password = unquote(path.strip("/")) or "INBOX", current_app.config["PETITION_BOUNCE_MAILBOX_PASSWORD"] or ""
    with MailBox(host, port, timeout=IMAP_TIMEOUT_SECONDS).login(user, password, folder) as inbox:
        if not inbox.folder.exists(PROCESSED_FOLDER):
            inbox.folder.create(PROCESSED_FOLDER)
        for message in list(inbox.fetch(AND(all=True), limit=MAX_MESSAGES_PER_POLL, mark_seen=False)):
            process_message(message.obj.as_bytes(), "imap")
            db.session.commit()
            if message.uid:
                inbox.move(message.uid, PROCESSED_FOLDER)
            yield
