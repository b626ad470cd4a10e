"""Process the messages of the bounce mailbox, and record whether it can be read."""

import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog
from flask import current_app
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError

from petition.core.db import db
from petition.delivery.bounces.imap import ImapMailbox, make_context
from petition.delivery.bounces.mailbox_access import (
    FAILED_FOLDER,
    PROCESSED_FOLDER,
    BounceMailbox,
    MailboxUnreadable,
    MessageUnreadable,
)
from petition.delivery.bounces.maildir import Maildir
from petition.delivery.bounces.models import BounceMailboxState
from petition.delivery.bounces.parser import MAX_REPORT_BYTES
from petition.delivery.bounces.processing import process_message

POLL_SECONDS = 40.0  # of one poll: a task is to end within a minute
BATCH_SIZE = 500  # messages listed at a time
MOVE_SIZE = 50  # messages moved at a time: what a crash lets be read again, which counts once
RETENTION_DAYS = 30  # of processed messages, as of what is stored of them
MAX_DELETED = 1000  # processed messages looked at in one poll

log = structlog.get_logger(__name__)


def poll_mailbox(seconds: float = POLL_SECONDS) -> int:
    """Process the messages in the mailbox of the settings, if there is one, and return how many. Commits each.

    A message is moved out of the inbox only once it is recorded: after a crash it is processed again, and counted once.
    One that cannot be processed goes to the folder `Failed`, and does not stop those behind it. What keeps the mailbox
    from being read is recorded (`BounceMailboxState`), and not raised.
    """
    if not current_app.config["PETITION_BOUNCE_MAILBOX"]:
        db.session.execute(delete(BounceMailboxState))
        db.session.commit()
        return 0
    done, waiting, failed = 0, None, None
    problem, response = "", ""
    box: BounceMailbox | None = None
    try:
        box = open_mailbox()
        done = _process_messages(box, time.monotonic() + seconds)
        box.delete_old(PROCESSED_FOLDER, RETENTION_DAYS, MAX_DELETED)
        waiting, failed = box.count(), box.count(FAILED_FOLDER)
        box.check_space()
    except MailboxUnreadable as error:
        problem, response = error.problem, error.response
        log.warning("the bounce mailbox cannot be read", problem=problem, response=response)
    finally:
        if isinstance(box, ImapMailbox):
            box.close()
    _record_state(problem, response, waiting, failed)
    db.session.commit()
    return done


def open_mailbox() -> BounceMailbox:
    """Open the mailbox of the settings. Raises `MailboxUnreadable`."""
    config = current_app.config
    url = urlsplit(config["PETITION_BOUNCE_MAILBOX"])
    if url.scheme == "maildir":
        return Maildir(Path(unquote(url.path)))
    context = make_context(config["PETITION_BOUNCE_MAILBOX_CA"], insecure=config["PETITION_BOUNCE_MAILBOX_INSECURE"])
    return ImapMailbox(url, config["PETITION_BOUNCE_MAILBOX_PASSWORD"] or "", context)


def _process_messages(box: BounceMailbox, deadline: float) -> int:
    done = 0
    while time.monotonic() < deadline and (keys := box.list_messages(BATCH_SIZE)):
        for start in range(0, len(keys), MOVE_SIZE):
            if time.monotonic() >= deadline:
                break
            done += _process_some(box, keys[start : start + MOVE_SIZE])
    return done


def _process_some(box: BounceMailbox, keys: list[str]) -> int:
    """Process some messages and move them away, those also that were processed before the database went away."""
    processed: list[str] = []
    failed: list[str] = []
    try:
        for key in keys:
            (processed if _process_one(box, key) else failed).append(key)
    finally:
        if processed:
            box.move(processed, PROCESSED_FOLDER)
    if failed:
        # One that cannot even be moved stays, and those behind it are read all the same.
        with suppress(MailboxUnreadable):
            box.move(failed, FAILED_FOLDER)
    return len(processed)


def _process_one(box: BounceMailbox, key: str) -> bool:
    try:
        raw = box.read(key, MAX_REPORT_BYTES)
        if raw is not None:
            process_message(raw, box.source)
            db.session.commit()
    except (OperationalError, InterfaceError, MailboxUnreadable):
        db.session.rollback()
        raise  # not this message's fault
    except Exception as error:
        db.session.rollback()
        # Not the error's words, which may quote the message.
        reason = str(error)[:80] if isinstance(error, MessageUnreadable) else ""
        log.error("a message of the bounce mailbox cannot be processed", error=type(error).__name__, reason=reason)
        return False
    return True


def _record_state(problem: str, response: str, waiting: int | None, failed: int | None) -> None:
    """Record whether the mailbox can be read; `waiting` and `failed` stay where they are not known. Flushes."""
    values = {"problem": problem, "response": response}
    known = {name: n for name, n in (("waiting", waiting), ("failed", failed)) if n is not None}
    since = func.now() if problem else None
    statement = insert(BounceMailboxState).values(id=1, since=since, **values, **known)
    kept = func.coalesce(BounceMailboxState.since, func.now()) if problem else None
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={**values, **known, "since": kept, "checked_at": func.now()}
        )
    )
