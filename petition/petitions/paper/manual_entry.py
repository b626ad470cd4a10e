"""One signature on paper, typed at the desk: by the rules of a file with one line."""

import csv
import io
from collections.abc import Mapping

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.petitions.counters import increment
from petition.petitions.models import Petition
from petition.petitions.paper.bulk import REMOVE
from petition.petitions.paper.csv import parse_table, read_table
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.importer import delete_duplicates, find_action
from petition.petitions.paper.models import PaperImport, PaperImportState
from petition.petitions.paper.queries import COUNT_SIGNATURES_SQL, STORE_SIGNATURES_SQL, STORED_COLUMNS

MANUAL_FILE = ""  # the file name of the import that holds a petition's typed lines
FIELDS = ("name", "profession", "city", "postal_code", "signed_on", "reference")
HEADINGS = ("name", "profession", "city", "postal_code", "date", "reference")
MAX_FIELD_CHARACTERS = 250  # more than any may have, which is reported


class ProblemFound(Exception):
    """The line cannot be added; `labels.paper_problem_message` says why."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind)
        self.kind, self.detail = kind, detail


def add_line(petition: Petition, values: Mapping[str, str], asked_by: str) -> PaperImport:
    """Add one signature, which counts at once, and return the import that holds it. Flushes. Raises `ProblemFound`.

    The lines of a petition are in one import, until that is undone. The caller has locked the petition.
    """
    row = _read_line(values)
    file = _find_import(petition, asked_by)
    file.lines += 1
    stored = {name: [row[name]] for name in STORED_COLUMNS} | {"line": [file.lines]}
    owner = {"petition_id": petition.id, "import_id": file.id}
    ids = db.session.scalars(STORE_SIGNATURES_SQL, stored | owner).all()
    if delete_duplicates(file, ids):
        raise ProblemFound("there", "")
    db.session.scalars(COUNT_SIGNATURES_SQL, {"ids": list(ids), "import_id": file.id}).all()
    file.added += 1
    increment(petition.id, file.id, "paper", +1)
    db.session.flush()
    return file


def _read_line(values: Mapping[str, str]) -> dict[str, object]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerow(
        [" ".join(values.get(name, "").replace("\0", "").split())[:MAX_FIELD_CHARACTERS] for name in FIELDS]
    )
    table = read_table(text.getvalue().encode("utf-8", "replace"))
    found = parse_table(table, DateOrder.DAY)
    if found.problems or not found.rows:
        _line, kind, detail = found.problems[0] if found.problems else (0, "name", "")
        raise ProblemFound(kind, detail)
    return found.rows[0]


def _find_import(petition: Petition, asked_by: str) -> PaperImport:
    """Return the import that holds the lines of a petition, locked; a new one after the last was undone."""
    query = select(PaperImport).where(
        PaperImport.petition_id == petition.id, PaperImport.file_name == MANUAL_FILE,
        PaperImport.sheet.is_(None),
        PaperImport.state == PaperImportState.DONE,
    )  # fmt: skip
    file = db.session.scalar(query.order_by(PaperImport.id.desc()).limit(1).with_for_update())
    action = find_action(file) if file else None
    if file is not None and not (action and action.verb == REMOVE):
        return file
    file = PaperImport(
        petition_id=petition.id, file_name=MANUAL_FILE, asked_by=asked_by, lines=0, added=0, problems=[],
        state=PaperImportState.DONE, imported_at=clock.now(),
    )  # fmt: skip
    db.session.add(file)
    db.session.flush()
    return file
