"""Fetch what came back from a Maildir or an IMAP mailbox, a bounded number at a time."""

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
from petition.delivery.bounces.take import take

AT_ONCE = 200  # messages
DONE = "Processed"
TIMEOUT = 10  # seconds for each answer of the IMAP server

log = structlog.get_logger(__name__)


def poll() -> int:
    """Take in what waits in the mailbox of the settings, if there is one; returns how many messages. Commits each.

    A message leaves the inbox only once it is recorded: what a crash leaves there is taken again, and counted once.
    """
    url = urlsplit(current_app.config["PETITION_BOUNCES"] or "")
    if url.scheme == "maildir":
        return sum(1 for _ in _maildir(Path(unquote(url.path))))
    if url.scheme == "imaps":
        try:
            return sum(1 for _ in _imap(url.hostname or "", url.port or 993, unquote(url.username or ""), url.path))
        except (ImapToolsError, OSError) as error:
            log.warning("the bounce mailbox cannot be read", error=type(error).__name__)
    return 0


def _maildir(path: Path) -> Iterator[None]:
    with closing(mailbox.Maildir(path, create=True)) as inbox:
        done = inbox.add_folder(DONE)
        for key in list(inbox.keys())[:AT_ONCE]:
            take(inbox.get_bytes(key), "maildir")
            db.session.commit()
            done.add(inbox.get_message(key))
            inbox.discard(key)
            yield


def _imap(host: str, port: int, user: str, path: str) -> Iterator[None]:
    folder, password = unquote(path.strip("/")) or "INBOX", current_app.config["PETITION_BOUNCES_PASSWORD"] or ""
    with MailBox(host, port, timeout=TIMEOUT).login(user, password, folder) as inbox:
        if not inbox.folder.exists(DONE):
            inbox.folder.create(DONE)
        for message in list(inbox.fetch(AND(all=True), limit=AT_ONCE, mark_seen=False)):
            take(message.obj.as_bytes(), "imap")
            db.session.commit()
            if message.uid:
                inbox.move(message.uid, DONE)
            yield
