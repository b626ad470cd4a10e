"""Signatures typed a sheet at a time: its number is kept, so that it is found, checked, and struck as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition
from petition.core.text import is_printable_line
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.petitions.paper.bulk import REMOVE
from petition.petitions.paper.csv import Table, parse_table
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.importer import delete_duplicates, find_action
from petition.petitions.paper.manual_entry import MANUAL_FILE, MAX_FIELD_CHARACTERS
from petition.petitions.paper.models import PaperImport, PaperImportState, PaperSignature
from petition.petitions.paper.queries import (
    AVOID_SEQUENTIAL_SCANS_SQL,
    COUNT_SIGNATURES_SQL,
    STOP_COUNTING_SHEET_SQL,
    STORE_SIGNATURES_SQL,
    STORED_COLUMNS,
)

MAX_SHEET_CHARACTERS = 60
ROWS = 20  # of the form
ROW_FIELDS = ("name", "profession", "city", "postal_code")
COLUMNS: list[str | None] = ["full_name", "profession", "city", "postal_code", "signed_on", "reference"]


class SheetProblems(Exception):
    """Lines that cannot be added: by line, counted from 1, what is wrong; `sheet` where that is its number."""

    def __init__(self, lines: dict[int, tuple[str, str]], *, sheet: bool = False) -> None:
        super().__init__("sheet" if sheet else "rows")
        self.lines, self.sheet = lines, sheet


@dataclass(frozen=True)
class Sheet:
    """What was typed of one sheet: its number, the day it was signed on, its lines as they stand on it."""

    number: str
    signed_on: str = ""
    rows: Sequence[Mapping[str, str]] = field(default_factory=list)


def add_sheet(petition: Petition, sheet: Sheet, asked_by: str) -> tuple[PaperImport, int]:
    """Add the lines of a sheet, which count at once; return the import that holds it, and how many. Flushes.

    All of them or none: raises `SheetProblems`. A sheet that is there already gets these lines too. The caller has
    locked the petition.
    """
    number = " ".join(sheet.number.split())
    if not number or len(number) > MAX_SHEET_CHARACTERS or not is_printable_line(number):
        raise SheetProblems({}, sheet=True)
    cells = [
        [*(" ".join(row[name].split())[:MAX_FIELD_CHARACTERS] for name in ROW_FIELDS), sheet.signed_on, number]
        for row in sheet.rows
    ]
    typed: list[tuple[int, list[str] | None]] = [
        (line, row) for line, row in enumerate(cells, 1) if any(row[: len(ROW_FIELDS)])
    ]
    found = parse_table(Table(COLUMNS, typed, []), DateOrder.DAY)
    if found.problems or not found.rows:
        raise SheetProblems({line: (kind, detail) for line, kind, detail in found.problems} or {1: ("name", "")})
    file = find_sheet(petition, number, lock=True) or _create(petition, number, asked_by)
    first = file.lines + 1
    values = {name: [row[name] for row in found.rows] for name in STORED_COLUMNS}
    values["line"] = list(range(first, first + len(found.rows)))
    owner = {"petition_id": petition.id, "import_id": file.id}
    ids = db.session.scalars(STORE_SIGNATURES_SQL, values | owner).all()
    file.lines += len(found.rows)
    if delete_duplicates(file, ids):
        db.session.flush()
        there = {line - first for line, kind, _detail in file.problems if kind == "there" and line >= first}
        raise SheetProblems({found.rows[index]["line"]: ("there", "") for index in there})
    _count(file, ids)
    return file, len(ids)


def find_sheet(petition: Petition, number: str, *, lock: bool = False) -> PaperImport | None:
    """Return the import that holds a sheet and counts, if there is one."""
    query = select(PaperImport).where(
        PaperImport.petition_id == petition.id, PaperImport.sheet == number, PaperImport.struck_at.is_(None),
        PaperImport.state == PaperImportState.DONE,
    )  # fmt: skip
    query = query.order_by(PaperImport.id.desc()).limit(1)
    file = db.session.scalar(query.with_for_update() if lock else query)
    action = find_action(file) if file else None
    return None if action and action.verb == REMOVE else file


def _create(petition: Petition, number: str, asked_by: str) -> PaperImport:
    file = PaperImport(
        petition_id=petition.id, file_name=MANUAL_FILE, sheet=number, asked_by=asked_by, lines=0, added=0, problems=[],
        state=PaperImportState.DONE, imported_at=clock.now(),
    )  # fmt: skip
    db.session.add(file)
    db.session.flush()
    return file


def _count(file: PaperImport, ids: Sequence[int]) -> int:
    counted = len(db.session.scalars(COUNT_SIGNATURES_SQL, {"ids": list(ids), "import_id": file.id}).all())
    file.added += counted
    if counted:
        increment(file.petition_id, file.id, "paper", counted)
    db.session.flush()
    return counted


def strike(file: PaperImport) -> int:
    """Take all lines of a sheet out of the count, and keep them; return how many. Flushes. Raises `InvalidTransition`.

    The caller has locked the petition, then the import.
    """
    if file.sheet is None or file.state != PaperImportState.DONE or file.struck_at or find_action(file):
        raise InvalidTransition({"sheet": "this sheet cannot be struck"})
    db.session.execute(AVOID_SEQUENTIAL_SCANS_SQL)
    struck = len(db.session.scalars(STOP_COUNTING_SHEET_SQL, {"import_id": file.id}).all())
    file.struck_at, file.added, file.waiting = clock.now(), file.added - struck, file.waiting + struck
    if struck:
        increment(file.petition_id, file.id, "paper", -struck)
    db.session.flush()
    return struck


def restore(file: PaperImport) -> int:
    """Count the lines of a struck sheet again, but those that another list has added meanwhile; return how many.

    Flushes. Raises `InvalidTransition`. The caller has locked the petition, then the import.
    """
    if file.struck_at is None or file.state != PaperImportState.DONE or find_action(file):
        raise InvalidTransition({"sheet": "this sheet is not struck"})
    ids = db.session.scalars(select(PaperSignature.id).where(PaperSignature.import_id == file.id)).all()
    file.waiting -= delete_duplicates(file, ids)
    file.struck_at = None
    counted = _count(file, ids)
    file.waiting -= counted
    db.session.flush()
    return counted
