"""Scans of the sheets that signatures were typed from, to be checked against: kept in the database, never executed."""

from sqlalchemy import func, select

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.ids import is_id
from petition.petitions.paper.models import PaperImport, PaperScan

MAX_SCAN_BYTES = 10 * 1024 * 1024
MAX_SCANS = 6  # of one sheet: both sides, photographed again
# By how a file begins, which its name and the browser may say wrongly.
MEDIA_TYPES = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg"}
EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg"}


class ScanProblem(ValidationError):
    """A scan that is not kept: `none`, `size`, `type` or `many`; `labels.scan_problem_message` says it."""

    def __init__(self, kind: str) -> None:
        super().__init__({"scan": kind})
        self.kind = kind


def add_scan(file: PaperImport, content: bytes) -> PaperScan:
    """Keep the scan of a sheet. Flushes. Raises `ScanProblem`."""
    if not content:
        raise ScanProblem("none")
    if len(content) > MAX_SCAN_BYTES:
        raise ScanProblem("size")
    media_type = next((kind for begin, kind in MEDIA_TYPES.items() if content.startswith(begin)), None)
    if media_type is None:
        raise ScanProblem("type")
    if (db.session.scalar(select(func.count(PaperScan.id)).where(PaperScan.import_id == file.id)) or 0) >= MAX_SCANS:
        raise ScanProblem("many")
    scan = PaperScan(import_id=file.id, media_type=media_type, size=len(content), content=content)
    db.session.add(scan)
    db.session.flush()
    return scan


def list_scans(file: PaperImport) -> list[PaperScan]:
    """Return the scans of a sheet, without their contents."""
    return list(db.session.scalars(select(PaperScan).where(PaperScan.import_id == file.id).order_by(PaperScan.id)))


def find_scan(file: PaperImport, scan_id: int) -> PaperScan:
    """Return a scan of a sheet. Raises `NotFound`."""
    query = select(PaperScan).where(PaperScan.id == scan_id, PaperScan.import_id == file.id)
    found = db.session.scalar(query) if is_id(scan_id) else None
    if found is None:
        raise NotFound({"scan": "there is no such scan"})
    return found
