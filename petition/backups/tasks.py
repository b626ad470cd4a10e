"""Periodic task: append the journal's new entries to the file beside the backup."""

import time

import structlog

from petition.backups.journal import BATCH_SIZE, append_entries, journal_path, write_waiting
from petition.core.db import db

MAX_RUN_SECONDS = 20.0  # what is left waits for the next run

log = structlog.get_logger(__name__)


def run_write_journal() -> None:
    """Write what waits. A file that cannot be written is logged, and seen by the doctor; the entries wait."""
    path, deadline = journal_path(), time.monotonic() + MAX_RUN_SECONDS
    if path is None:
        return
    try:
        if not path.exists():
            append_entries(path, [])  # so that its absence after a loss is noticed
        while write_waiting(path) == BATCH_SIZE and time.monotonic() < deadline:
            pass
    except OSError as error:
        db.session.rollback()
        log.error("the erasure journal cannot be written", error=error.strerror)
