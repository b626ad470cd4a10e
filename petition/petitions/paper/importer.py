"""Signatures on paper: read from a file, added as a whole, taken back as a whole; counted apart."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, insert, select, text

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.petitions.counters import increment
from petition.petitions.models import PaperImport, PaperSignature, Petition, PetitionState
from petition.petitions.paper import csv


class PaperImportState(StrEnum):
    """TODO"""

    DONE = "done"
    UNDONE = "undone"


DRAFT_TTL = timedelta(days=1)
PAGE_SIZE = 100  # signatures

# Lines that say the same as a line that counts already.
DELETE_DUPLICATES_SQL = text("""
    DELETE FROM paper_signatures p WHERE p.import_id = :import AND EXISTS (
        SELECT FROM paper_signatures q JOIN paper_imports i ON i.id = q.import_id AND i.state = 'done'
        WHERE q.petition_id = p.petition_id AND lower(q.name) = lower(p.name)
        AND lower(coalesce(q.city, '')) = lower(coalesce(p.city, '')) AND q.signed_on IS NOT DISTINCT FROM p.signed_on)
    RETURNING p.line
""")


def create_draft(petition: Petition, content: bytes, file_name: str, asked_by: str) -> PaperImport:
    """Keep what a file holds for a day, without counting any of it. Flushes, does not commit.

    Raises `Refusal({"file": kind})` when it cannot be read at all.
    """
    found = csv.parse_csv(content)
    file = PaperImport(
        petition_id=petition.id, state=PetitionState.DRAFT, file_name=_sanitise_file_name(file_name), asked_by=asked_by, lines=found.lines,
        problems=[],
    )  # fmt: skip
    db.session.add(file)
    db.session.flush()
    if found.rows:
        owner = {"petition_id": petition.id, "import_id": file.id}
        db.session.execute(insert(PaperSignature), [row | owner for row in found.rows])
    there = [(line, "there", "") for line in _delete_duplicates(file)]
    file.problems = [list(problem) for problem in sorted([*found.problems, *there])]
    db.session.flush()
    return file


def _sanitise_file_name(file_name: str) -> str:
    return "".join(c for c in file_name if c.isprintable())[-200:] or "csv"


def _delete_duplicates(file: PaperImport) -> Sequence[int]:
    return db.session.scalars(DELETE_DUPLICATES_SQL, {"import": file.id}).all()


def find_import(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    """Return an import of a petition. Raises `Gone`."""
    query = select(PaperImport).where(PaperImport.id == import_id, PaperImport.petition_id == petition.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if import_id < 2**63 else None
    if found is None:
        raise NotFound({"import": "there is no such import any more"})
    return found


def count_signatures(file: PaperImport) -> int:
    """Return how many signatures an import has; a file has at most `paper_file.MOST`."""
    query = select(func.count()).where(PaperSignature.import_id == file.id)
    return db.session.scalar(query) or 0


def apply_draft(file: PaperImport) -> bool:
    """Count a draft's signatures, all of them at once; returns whether this call did it.

    The caller holds the petition, so that two files with the same line are one after the other. Flushes.
    """
    if file.state != PetitionState.DRAFT:
        return False
    # Another file may have been added since this one was read.
    there = [[line, "there", ""] for line in _delete_duplicates(file)]
    file.problems = sorted([*file.problems, *there])
    file.added, file.state, file.imported_at = count_signatures(file), PaperImportState.DONE, clock.now()
    increment(file.petition_id, file.id, "paper", file.added)
    db.session.flush()
    return True


def undo_import(file: PaperImport) -> int | None:
    """Take an import back: its signatures are deleted and no longer count; returns how many, or None if it was before.

    Flushes.
    """
    if file.state != PaperImportState.DONE:
        return None
    taken = _delete_signatures(PaperSignature.import_id == file.id)
    file.state, file.undone_at = PaperImportState.UNDONE, clock.now()
    increment(file.petition_id, file.id, "paper", -taken)
    db.session.flush()
    return taken


def delete_signature(file: PaperImport, signature_id: int) -> bool:
    """Delete one signature of an import, as its signer asks; returns whether this call did it. Flushes."""
    if file.state != PaperImportState.DONE or signature_id >= 2**63:
        return False
    if not _delete_signatures(PaperSignature.id == signature_id, PaperSignature.import_id == file.id):
        return False
    file.added -= 1
    increment(file.petition_id, file.id, "paper", -1)
    db.session.flush()
    return True


def _delete_signatures(*conditions: ColumnElement[bool]) -> int:
    statement = delete(PaperSignature).where(*conditions).execution_options(synchronize_session=False)
    return int(getattr(db.session.execute(statement), "rowcount", 0))


def discard_draft(file: PaperImport) -> None:
    """Drop a draft. Flushes."""
    if file.state == PetitionState.DRAFT:
        db.session.delete(file)
        db.session.flush()


def list_imports(petition: Petition) -> list[PaperImport]:
    """Return the last imports of a petition, newest first."""
    query = select(PaperImport).where(PaperImport.petition_id == petition.id).order_by(PaperImport.id.desc())
    return list(db.session.scalars(query.limit(PAGE_SIZE)))


def list_signatures(file: PaperImport, after: int = 0) -> list[PaperSignature]:
    """Return a page of an import's signatures, by their lines, that come after a line."""
    query = select(PaperSignature).where(PaperSignature.import_id == file.id, PaperSignature.line > after)
    return list(db.session.scalars(query.order_by(PaperSignature.line).limit(PAGE_SIZE)))


def delete_stale_drafts() -> None:
    """Drop the drafts that nobody added within a day. Commits."""
    old = PaperImport.created_at < clock.now() - DRAFT_TTL
    statement = delete(PaperImport).where(PaperImport.state == PetitionState.DRAFT, old)
    db.session.execute(statement.execution_options(synchronize_session=False))
    db.session.commit()
