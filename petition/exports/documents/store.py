"""Public documents as they were last made: find, request, read, make. The web makes none."""

import hashlib
import time
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

import structlog
from cachetools import LRUCache
from flask import Flask, current_app
from sqlalchemy import TextClause, select
from sqlalchemy.exc import DBAPIError

from petition.core import clock
from petition.core.cache import get_or_create
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake
from petition.exports.documents import queries
from petition.exports.documents.content import describe
from petition.exports.documents.models import Document, DocumentKind
from petition.exports.documents.names import TooManyNames
from petition.exports.documents.rendering import RenderingError, render_parts
from petition.petitions.models import Petition
from petition.petitions.queries import list_public

# A document is made again at most once a minute, and takes at most a twentieth of a worker's time.
MIN_AGE = timedelta(minutes=1)
AGE_PER_MAKING_TIME = 20
# One that names people is not served when it is older: somebody may have withdrawn since.
MAX_AGE_OF_NAMES = timedelta(hours=1)
RETENTION_OF_NAMES = timedelta(days=1)
NAMING_KINDS = (DocumentKind.LETTER, DocumentKind.SIGNATORIES)
RETRY_AFTER = timedelta(minutes=10)  # after a failure
CLAIM_TIMEOUT = timedelta(minutes=6)  # a claim is renewed after each part, which takes five at most
MAX_CACHED_BYTES = 32 * 1024 * 1024  # of contents, in each web process
TASK_NAME = "petition.exports.documents.tasks.make_documents"

log = structlog.get_logger(__name__)
making = Lock()
_lock = Lock()


class DocumentStatus(NamedTuple):
    """What is known of a document without its content."""

    id: int
    requested_at: datetime | None
    made_at: datetime | None
    failed_at: datetime | None
    petition_version: int | None
    milliseconds: int | None
    digest: str | None


def find(petition: Petition, kind: str, language: str) -> DocumentStatus | None:
    """Return what there is of a document, from the per-process cache."""
    key = ("document", petition.id, kind, language)
    found: DocumentStatus | None = get_or_create(key, lambda: _find(petition.id, kind, language))
    return found


def _find(petition_id: int, kind: str, language: str) -> DocumentStatus | None:
    columns = (
        Document.id, Document.requested_at, Document.made_at, Document.failed_at, Document.petition_version,
        Document.milliseconds, Document.digest,
    )  # fmt: skip
    query = select(*columns).filter_by(petition_id=petition_id, kind=kind, language=language)
    row = db.session.execute(query).first()
    return DocumentStatus(*row) if row else None


def is_fresh(status: DocumentStatus | None, petition: Petition) -> bool:
    """Return whether a document needs not be made again yet. One that failed is not tried again for a while."""
    now = clock.now()
    if status is None:
        return False
    if status.failed_at and now - status.failed_at < RETRY_AFTER:
        return True
    if status.made_at is None or status.petition_version != petition.version:
        return False
    lasts = max(MIN_AGE, timedelta(milliseconds=(status.milliseconds or 0) * AGE_PER_MAKING_TIME))
    return now - status.made_at < lasts


def is_servable(status: DocumentStatus | None, kind: str) -> bool:
    """Return whether what was made last may be shown, though a newer one may be on its way."""
    if status is None or status.made_at is None or status.digest is None:
        return False
    return kind not in NAMING_KINDS or clock.now() - status.made_at < MAX_AGE_OF_NAMES


def request(petition: Petition, kind: str, language: str) -> None:
    """Ask for a newer document, unless that was done, and wake a worker. Commits by itself.

    Nothing but this cache changes, so a GET may do it. A database that cannot be written to changes nothing: the next
    reader asks again.
    """
    values = {"petition_id": petition.id, "kind": kind, "language": language, "now": clock.now()}
    try:
        db.session.execute(queries.REQUEST_SQL, values)
        db.session.commit()
    except DBAPIError as error:
        db.session.rollback()
        log.warning("document not requested", kind=kind, error=type(error.orig).__name__)
        return
    wake(MAINTENANCE, TASK_NAME, args=())


def read_content(status: DocumentStatus) -> bytes | None:
    """Return a document's content; None where it was replaced or deleted meanwhile."""
    contents: LRUCache[str, bytes] = current_app.extensions["petition.documents"]
    digest = status.digest or ""
    with _lock:
        content = contents.get(digest)
    if content is None:
        content = db.session.scalar(select(Document.content).filter_by(id=status.id, digest=digest))
        if content is not None and len(content) <= MAX_CACHED_BYTES:
            with _lock:
                contents[digest] = content
    return content


class Claim:
    """A worker's claim on a row, which it renews while it works. `moment` is what proves it."""

    def __init__(self, renew_sql: TextClause, row_id: int, moment: datetime) -> None:
        self._renew_sql, self._row_id, self.moment = renew_sql, row_id, moment

    def renew(self, percent: int) -> None:
        """Renew it, and note how much is done. Commits. A claim that was lost stays lost."""
        values: dict[str, Any] = {"id": self._row_id, "claimed_at": self.moment, "now": clock.now(), "percent": percent}
        if db.session.execute(self._renew_sql, values).first() is not None:
            self.moment = values["now"]
        db.session.commit()


def make_requested(max_seconds: float) -> int:
    """Make the documents that are wanted, for a time; returns how many. Commits.

    One at a time in a process: its other threads have other work to do.
    """
    if not making.acquire(blocking=False):
        return 0
    try:
        deadline, made = time.monotonic() + max_seconds, 0
        while time.monotonic() < deadline and make_next():
            made += 1
        return made
    finally:
        making.release()


def make_next() -> bool:
    """Make the document that was wanted first; returns whether there was one. Commits.

    No transaction is open while it is rendered.
    """
    now = clock.now()
    claimed = db.session.execute(queries.CLAIM_SQL, {"now": now, "expired": now - CLAIM_TIMEOUT}).first()
    db.session.commit()
    if claimed is None:
        return False
    started, claim = time.monotonic(), Claim(queries.RENEW_SQL, claimed.id, now)
    try:
        petition = db.session.get_one(Petition, claimed.petition_id)
        version = petition.version
        jobs = describe(petition, claimed.kind, claimed.language, now)
        db.session.commit()
        content = render_parts(jobs, now, claim.renew).content
    except (RenderingError, TooManyNames) as error:
        log.error("document not made", kind=claimed.kind, petition=claimed.petition_id, error=str(error) or repr(error))
        values = {"id": claimed.id, "claimed_at": claim.moment, "now": clock.now()}
        db.session.execute(queries.RECORD_FAILURE_SQL, values)
        db.session.commit()
        return True
    values = {
        "id": claimed.id, "claimed_at": claim.moment, "made_at": now, "version": version, "content": content,
        "milliseconds": int((time.monotonic() - started) * 1000), "digest": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    db.session.execute(queries.RECORD_SQL, values)
    db.session.commit()
    return True


def request_missing_cards() -> None:
    """Request the missing cards of public petitions in advance, as other sites fetch a card only once. Commits."""
    values = {
        "kind": DocumentKind.CARD.value, "now": clock.now(), "petition_ids": _list_public_ids(),
        "languages": list(LANGUAGES),
    }  # fmt: skip
    db.session.execute(queries.REQUEST_MISSING_SQL, values)
    db.session.commit()


def delete_old() -> None:
    """Delete documents that name people after a day, and all of petitions that are not public. Commits."""
    values = {
        "before": clock.now() - RETENTION_OF_NAMES, "naming_kinds": [kind.value for kind in NAMING_KINDS],
        "public_ids": _list_public_ids(),
    }  # fmt: skip
    db.session.execute(queries.DELETE_OLD_SQL, values)
    db.session.commit()


def _list_public_ids() -> list[int]:
    return [petition.id for petition in list_public()]


def init_app(app: Flask) -> None:
    """Create the cache of contents."""
    app.extensions["petition.documents"] = LRUCache(MAX_CACHED_BYTES, getsizeof=len)
