"""Add a draft's signatures to the count, and remove an import's: bulk actions, so that they are stopped and undone."""

from collections.abc import Collection, Sequence

from flask import Flask
from sqlalchemy import literal, select

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core import clock
from petition.core.db import db
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.petitions.paper.importer import delete_duplicates, find_action
from petition.petitions.paper.models import PaperImport, PaperImportState, PaperSignature
from petition.petitions.paper.queries import AVOID_SEQUENTIAL_SCANS_SQL, COUNT_SIGNATURES_SQL, REMOVE_SIGNATURES_SQL

SUBJECT = "paper"
ADD, REMOVE = "add", "remove"


def register_handlers(app: Flask) -> None:
    """Register what a batch of each action does."""
    runner.register_handler(app, SUBJECT, ADD, add_batch)
    runner.register_handler(app, SUBJECT, REMOVE, remove_batch)


def prepare_adding(file: PaperImport, asked_by: str) -> BulkAction | None:
    """Return an action that adds all signatures of a draft, not yet started; None if one was started. Flushes.

    The caller has locked the import. Raises `NoMatchingRows` for a draft without signatures.
    """
    if file.state != PaperImportState.DRAFT or find_action(file):
        return None
    return _prepare(file, BulkAction(verb=ADD, asked_by=asked_by))


def prepare_removal(file: PaperImport, asked_by: str) -> BulkAction | None:
    """Return an action that deletes all signatures of an import, not yet started; None if one was started. Flushes.

    The caller has locked the import's action, which is stopped where it runs, and then the import.
    """
    last = find_action(file)
    if file.state != PaperImportState.DONE or (last and last.verb == REMOVE):
        return None
    if last:
        runner.stop(last)
    return _prepare(file, BulkAction(verb=REMOVE, asked_by=asked_by, undoes=last.id if last else None))


def _prepare(file: PaperImport, bulk_action: BulkAction) -> BulkAction:
    bulk_action.subject, bulk_action.filter = SUBJECT, {"import": file.id}
    runner.prepare(bulk_action, select(PaperSignature.id, literal("read")).where(PaperSignature.import_id == file.id))
    file.action_id = bulk_action.id
    db.session.flush()
    return bulk_action


def add_batch(bulk_action: BulkAction, _state: str, ids: Sequence[int]) -> Collection[int]:
    """Count signatures of a draft that no other import has added meanwhile; returns their ids. Flushes."""
    file = _lock_import(bulk_action)
    if file is None:
        return []
    if file.state == PaperImportState.DRAFT:
        file.state, file.imported_at, file.content = PaperImportState.DONE, clock.now(), None
    file.waiting -= delete_duplicates(file, ids)
    counted = db.session.scalars(COUNT_SIGNATURES_SQL, {"ids": list(ids), "import_id": file.id}).all()
    file.waiting -= len(counted)
    _change_count(file, len(counted))
    return counted


def remove_batch(bulk_action: BulkAction, _state: str, ids: Sequence[int]) -> Collection[int]:
    """Delete signatures of an import, those that count and those that were not reached; returns their ids. Flushes."""
    file = _lock_import(bulk_action)
    if file is None:
        return []
    if file.state == PaperImportState.DONE:
        file.state, file.undone_at = PaperImportState.UNDONE, clock.now()
    db.session.execute(AVOID_SEQUENTIAL_SCANS_SQL)
    removed = db.session.execute(REMOVE_SIGNATURES_SQL, {"ids": list(ids), "import_id": file.id}).all()
    counted = sum(row.counted for row in removed)
    file.waiting -= len(removed) - counted
    _change_count(file, -counted)
    return [row.id for row in removed]


def _lock_import(bulk_action: BulkAction) -> PaperImport | None:
    """Lock the import of an action, and its petition first: two files with the same line are added one by one."""
    query = select(PaperImport).where(PaperImport.id == int(bulk_action.filter["import"]))
    file = db.session.scalar(query)
    if file is None:
        return None
    # NO KEY UPDATE does not block signing, which takes a key share lock on the petition.
    db.session.execute(select(Petition.id).where(Petition.id == file.petition_id).with_for_update(key_share=True))
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _change_count(file: PaperImport, by: int) -> None:
    file.added += by
    if by:
        increment(file.petition_id, file.id, "paper", by)
    db.session.flush()
