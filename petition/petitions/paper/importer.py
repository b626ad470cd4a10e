"""Import signatures collected on paper: a file is a draft first, then added or undone as a whole; counted apart."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, insert, select

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.pagination import Page, make_page, select_page
from petition.petitions.counters import increment
from petition.petitions.models import PaperImport, PaperImportState, PaperSignature, Petition
from petition.petitions.paper.csv import parse_csv
from petition.petitions.paper.queries import DELETE_DUPLICATES_SQL

DRAFT_TTL = timedelta(days=1)
PAGE_SIZE = 100


def create_draft(petition: Petition, content: bytes, file_name: str, asked_by: str) -> PaperImport:
    """Store a file's signatures for a day, without counting them. Flushes.

    Raises `PaperFileError` when the file cannot be read at all.
    """
    found = parse_csv(content)
    file = PaperImport(
        petition_id=petition.id,
        state=PaperImportState.DRAFT,
        file_name=_sanitise_file_name(file_name),
        asked_by=asked_by,
        lines=found.lines,
        problems=[],
    )
    db.session.add(file)
    db.session.flush()
    if found.rows:
        owner = {"petition_id": petition.id, "import_id": file.id}
        db.session.execute(insert(PaperSignature), [row | owner for row in found.rows])
    file.problems = [list(problem) for problem in found.problems]
    _delete_duplicates(file)
    db.session.flush()
    return file


def _sanitise_file_name(file_name: str) -> str:
    return "".join(c for c in file_name if c.isprintable())[-200:] or "csv"


def _delete_duplicates(file: PaperImport) -> None:
    """Delete the lines of a draft that count already from another import, and note them as problems."""
    lines = db.session.scalars(DELETE_DUPLICATES_SQL, {"import": file.id})
    file.problems = sorted([*file.problems, *([line, "there", ""] for line in lines)])


def find_import(petition: Petition, import_id: int, *, lock: bool = False) -> PaperImport:
    """Return an import of a petition. Raises `NotFound`."""
    query = select(PaperImport).where(PaperImport.id == import_id, PaperImport.petition_id == petition.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if import_id < 2**63 else None
    if found is None:
        raise NotFound({"import": "there is no such import"})
    return found


def count_signatures(file: PaperImport) -> int:
    """Return how many signatures an import has; a file has at most `csv.MAX_LINES`."""
    query = select(func.count()).where(PaperSignature.import_id == file.id)
    return db.session.scalar(query) or 0


def apply_draft(file: PaperImport) -> bool:
    """Count all signatures of a draft; returns whether this call did it. Flushes.

    The caller has locked the petition, so that two files with the same line are added one after the other.
    """
    if file.state != PaperImportState.DRAFT:
        return False
    # Another file may have been added since this one was read.
    _delete_duplicates(file)
    file.added, file.state, file.imported_at = count_signatures(file), PaperImportState.DONE, clock.now()
    increment(file.petition_id, file.id, "paper", file.added)
    db.session.flush()
    return True


def undo_import(file: PaperImport) -> int | None:
    """Delete the signatures of an import that is done; returns how many, else None. Flushes."""
    if file.state != PaperImportState.DONE:
        return None
    deleted = _delete_signatures(PaperSignature.import_id == file.id)
    file.state, file.undone_at = PaperImportState.UNDONE, clock.now()
    increment(file.petition_id, file.id, "paper", -deleted)
    db.session.flush()
    return deleted


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
    """Delete a draft. Flushes."""
    if file.state == PaperImportState.DRAFT:
        db.session.delete(file)
        db.session.flush()


def list_imports(petition: Petition) -> list[PaperImport]:
    """Return the last imports of a petition, newest first."""
    query = select(PaperImport).where(PaperImport.petition_id == petition.id).order_by(PaperImport.id.desc())
    return list(db.session.scalars(query.limit(PAGE_SIZE)))


def list_signatures(file: PaperImport, after: int | None = None) -> Page[PaperSignature]:
    """Return a page of an import's signatures in the order of their lines; the cursor is a line."""
    query = select(PaperSignature).where(PaperSignature.import_id == file.id)
    query = select_page(query, PaperSignature.line, cursor=after, limit=PAGE_SIZE, descending=False)
    return make_page(db.session.scalars(query).all(), PAGE_SIZE, lambda signature: signature.line)


def delete_stale_drafts() -> None:
    """Delete the drafts that nobody added within a day. Commits."""
    old = PaperImport.created_at < clock.now() - DRAFT_TTL
    statement = delete(PaperImport).where(PaperImport.state == PaperImportState.DRAFT, old)
    db.session.execute(statement.execution_options(synchronize_session=False))
    db.session.commit()
