"""Import signatures collected on paper: a file is stored, read into a draft by a worker, then added (`bulk.py`)."""

import json
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import undefer

from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.core.ids import is_id
from petition.core.pagination import Page, make_page, select_page
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import wake
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.petitions.paper.columns import FIELDS, NAME_FIELDS
from petition.petitions.paper.csv import PaperFile, Table, parse_table, read_table
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.models import PaperImport, PaperImportState, PaperSignature
from petition.petitions.paper.queries import (
    APPEND_PROBLEMS_SQL,
    AVOID_SEQUENTIAL_SCANS_SQL,
    DELETE_DUPLICATES_SQL,
    FIND_ONLINE_SIGNERS_SQL,
    STORE_SIGNATURES_SQL,
    STORED_COLUMNS,
)

DRAFT_TTL = timedelta(days=1)
PAGE_SIZE = 100
MAX_BYTES_READ_AT_ONCE = 64 * 1024  # some thousand lines: a tenth of a second; a worker reads what is longer
MAX_PROBLEMS_SHOWN = 1_000
BATCH_SIZE = 1_000  # lines of one transaction
READ_TASK = "petition.petitions.tasks.read_paper_files"
_reading = threading.Lock()  # parsing the same file in several threads takes longer than in one
UNFINISHED = (PaperImportState.READING, PaperImportState.QUESTION, PaperImportState.DRAFT)


def store_file(petition: Petition, content: bytes, file_name: str, asked_by: str) -> PaperImport:
    """Store a file that `read_file` is to read. Flushes.

    Raises `PaperFileError` when the file cannot be read at all.
    """
    table = read_table(content)
    file = PaperImport(
        petition_id=petition.id,
        file_name=_sanitise_file_name(file_name),
        asked_by=asked_by,
        content=content,
        lines=len(table.records),
        problems=[],
        columns=_pair_columns(table),
    )
    db.session.add(file)
    db.session.flush()
    return file


def _pair_columns(table: Table) -> list[list[str | None]]:
    return [[title, column] for title, column in zip(table.titles, table.columns, strict=True)]


def choose_columns(file: PaperImport, chosen: Sequence[str]) -> None:
    """Read a draft again, with its columns as somebody chose: a field or "" for each. Flushes.

    Nothing of it counts yet. The caller has locked the import. Raises `InvalidTransition` where something is added or
    the file is gone, `ValidationError` for a choice without names or with a field twice.
    """
    if file.state not in (PaperImportState.DRAFT, PaperImportState.QUESTION) or find_action(file) or not file.content:
        raise InvalidTransition({"columns": _("Its columns can no longer be changed.")})
    used = [field for field in chosen if field]
    if len(chosen) != len(file.columns or []) or not set(used) <= set(FIELDS) or len(set(used)) < len(used):
        raise ValidationError({"columns": _("Use each field for one column at most.")})
    if not NAME_FIELDS & set(used):
        raise ValidationError({"columns": _("Say in which column the names are.")})
    titles = [title for title, _column in file.columns or []]
    file.columns = [[title, field or None] for title, field in zip(titles, chosen, strict=True)]
    file.columns_chosen = True
    signatures = delete(PaperSignature).where(PaperSignature.import_id == file.id)
    db.session.execute(signatures.execution_options(synchronize_session=False))
    file.state, file.position, file.waiting, file.problems = PaperImportState.READING, 0, 0, []
    db.session.flush()


def _sanitise_file_name(file_name: str) -> str:
    return "".join(c for c in file_name if c.isprintable())[-200:] or "csv"


def wake_reader() -> bool:
    """Have a worker read what was stored. Returns whether the broker answered; else the periodic task reads it."""
    return wake(MAINTENANCE, READ_TASK, args=())


def read_all() -> None:
    """Read the files that were stored, unless another thread of this process does. Commits."""
    if not _reading.acquire(blocking=False):
        return
    try:
        _read_stored_files()
    finally:
        _reading.release()


def _read_stored_files() -> None:
    query = select(PaperImport.id).where(PaperImport.state == PaperImportState.READING).order_by(PaperImport.id)
    for import_id in db.session.scalars(query).all():
        read_file(import_id)


def read_file(import_id: int) -> None:
    """Read a stored file into a draft, or into a question about its dates. Commits after each batch.

    No transaction is open while the file is parsed. Whoever is interrupted leaves whole batches, and the next call goes
    on after the last line that was stored. Returns early where somebody else is at it.
    """
    query = select(PaperImport).where(PaperImport.id == import_id, PaperImport.state == PaperImportState.READING)
    file = db.session.scalar(query.options(undefer(PaperImport.content)).execution_options(populate_existing=True))
    content, chosen = (file.content, file.date_order) if file else (None, None)
    columns = [column for _title, column in file.columns or []] if file and file.columns_chosen else None
    db.session.commit()
    if content is None:
        return
    table = read_table(content).with_columns(columns)
    order, example = (DateOrder(chosen), "") if chosen else table.find_date_order()
    if order is None:
        _ask_date_order(import_id, example)
        return
    found = parse_table(table, order)
    while _store_batch(import_id, found):
        pass


def _lock_while_reading(import_id: int) -> PaperImport | None:
    query = select(PaperImport).where(PaperImport.id == import_id).with_for_update(skip_locked=True)
    file = db.session.scalar(query.execution_options(populate_existing=True))
    if file is not None and file.state == PaperImportState.READING:
        return file
    db.session.commit()
    return None


def _ask_date_order(import_id: int, example: str) -> None:
    if file := _lock_while_reading(import_id):
        file.state, file.date_example = PaperImportState.QUESTION, example
        db.session.commit()


def _store_batch(import_id: int, found: PaperFile) -> bool:
    """Store the next lines in one transaction; returns whether there may be more. Commits."""
    file = _lock_while_reading(import_id)
    if file is None:
        return False
    if not file.position:
        file.problems = [list(problem) for problem in found.problems]
    start = bisect_right(found.rows, file.position, key=lambda row: row["line"])
    rows = found.rows[start : start + BATCH_SIZE]
    if rows:
        values: dict[str, Any] = {name: [row[name] for row in rows] for name in STORED_COLUMNS}
        owner = {"petition_id": file.petition_id, "import_id": file.id}
        ids = db.session.scalars(STORE_SIGNATURES_SQL, values | owner).all()
        file.waiting += len(ids)
        file.waiting -= delete_duplicates(file, ids)
        _note_online_signers(file, ids)
        file.position = rows[-1]["line"]
    else:
        file.state = PaperImportState.DRAFT
    db.session.commit()
    return bool(rows)


def delete_duplicates(file: PaperImport, ids: Iterable[int]) -> int:
    """Delete those of an import's signatures that count already, and note them as problems; returns how many."""
    db.session.execute(AVOID_SEQUENTIAL_SCANS_SQL)
    lines = db.session.scalars(DELETE_DUPLICATES_SQL, {"ids": list(ids)}).all()
    if lines:
        _append_problems(file, [(line, "there", "") for line in sorted(lines)])
    return len(lines)


def _note_online_signers(file: PaperImport, ids: Iterable[int]) -> None:
    """Note the lines whose name and town are those of somebody who confirmed by email: perhaps the same person."""
    lines = db.session.scalars(FIND_ONLINE_SIGNERS_SQL, {"ids": list(ids)}).all()
    if lines:
        _append_problems(file, [(line, "online", "") for line in sorted(lines)])


def _append_problems(file: PaperImport, problems: Sequence[tuple[int, str, str]]) -> None:
    db.session.flush()
    db.session.execute(APPEND_PROBLEMS_SQL, {"import_id": file.id, "problems": json.dumps(problems)})
    db.session.expire(file, ["problems"])


def answer_date_order(file: PaperImport, order: DateOrder) -> None:
    """Say what comes first in the dates of a file, which is read on. Raises `InvalidTransition`. Flushes."""
    if file.state != PaperImportState.QUESTION:
        raise InvalidTransition({"order": "this was answered"})
    file.date_order, file.state = order, PaperImportState.READING
    db.session.flush()


def find_import(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    """Return an import of a petition. Raises `NotFound`.

    Whoever locks an import and its bulk action locks the action first, as the runner does.
    """
    query = select(PaperImport).where(PaperImport.id == import_id, PaperImport.petition_id == petition.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if is_id(import_id) else None
    if found is None:
        raise NotFound({"import": "there is no such import"})
    return found


def find_action(file: PaperImport, *, lock: bool = False) -> BulkAction | None:
    """Return the bulk action that was started to add or remove an import's signatures, if any."""
    if file.action_id is None:
        return None
    action = db.session.get(BulkAction, file.action_id, with_for_update=lock or None, populate_existing=lock)
    return action if action and action.state != BulkActionState.DRAFT else None


def delete_signature(file: PaperImport, signature_id: int) -> bool:
    """Delete one signature of an import, as its signer asks; returns whether this call did it. Flushes.

    The caller has locked the import.
    """
    if file.state != PaperImportState.DONE or not is_id(signature_id):
        return False
    which = (PaperSignature.id == signature_id, PaperSignature.import_id == file.id)
    counted = db.session.scalar(delete(PaperSignature).where(*which).returning(PaperSignature.counted))
    if counted is None:
        return False
    if counted:
        file.added -= 1
        increment(file.petition_id, file.id, "paper", -1)
    else:
        file.waiting -= 1
    db.session.flush()
    return True


def discard_draft(file: PaperImport) -> None:
    """Delete an import of which nothing was added. Flushes."""
    if file.state in UNFINISHED and find_action(file) is None:
        db.session.delete(file)
        db.session.flush()


def list_imports(petition: Petition, sheet: str = "") -> list[PaperImport]:
    """Return the last imports of a petition, newest first; only those of a sheet if its number is given."""
    query = select(PaperImport).where(PaperImport.petition_id == petition.id).order_by(PaperImport.id.desc())
    if sheet:
        query = query.where(PaperImport.sheet == sheet)
    return list(db.session.scalars(query.limit(PAGE_SIZE)))


def list_signatures(file: PaperImport, after: int | None = None) -> Page[PaperSignature]:
    """Return a page of an import's signatures in the order of their lines; the cursor is a line."""
    query = select(PaperSignature).where(PaperSignature.import_id == file.id)
    query = select_page(query, PaperSignature.line, cursor=after, limit=PAGE_SIZE, descending=False)
    return make_page(db.session.scalars(query).all(), PAGE_SIZE, lambda signature: signature.line)


def list_problems(file: PaperImport) -> Sequence[Any]:
    """Return an import's problems in the order of the lines, those of the heading first."""
    return sorted(file.problems)


def delete_stale_drafts() -> None:
    """Delete the imports that nobody added within a day. Commits."""
    old = (PaperImport.created_at < clock.now() - DRAFT_TTL, PaperImport.action_id.is_(None))
    statement = delete(PaperImport).where(PaperImport.state.in_(UNFINISHED), *old)
    db.session.execute(statement.execution_options(synchronize_session=False))
    db.session.commit()
