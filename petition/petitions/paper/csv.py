"""Read a file of signatures collected on paper, CSV or XLSX: each line is a signature or a problem."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from petition.core import clock
from petition.core.text import is_printable_line
from petition.petitions.paper import workbook
from petition.petitions.paper.columns import Heading, find_heading
from petition.petitions.paper.dates import DateOrder, find_date_order, parse_date
from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode
from petition.petitions.paper.records import decode_lines, split_records
from petition.safeguards.signer_texts import find_problem, normalise

MAX_LINES = 50_000
MAX_REFERENCE_CHARACTERS = 60
FIELDS = ("name", "profession", "city", "postal_code", "reference")

Problem = tuple[int, str, str]  # line, kind, detail; `labels.paper_problem_message` says it


@dataclass(frozen=True)
class Table:
    """A file split into cells: its columns, and each line that is not empty; None for wrong quotation marks."""

    columns: list[str | None]
    records: list[tuple[int, list[str] | None]]
    problems: list[Problem]
    titles: list[str] = field(default_factory=list)  # of the columns, as they are written

    def with_columns(self, chosen: Sequence[str | None] | None) -> "Table":
        """Return the file with its columns read as somebody chose, who knows it; as found, where nobody did."""
        if chosen is None or len(chosen) != len(self.columns):
            return self
        problems = [problem for problem in self.problems if problem[1] != "column"]
        return replace(self, columns=list(chosen), problems=problems)

    def find_date_order(self) -> tuple[DateOrder | None, str]:
        """Return what comes first in its dates, None if that has to be asked, and a date as an example."""
        if "signed_on" not in self.columns:
            return DateOrder.DAY, ""
        column = self.columns.index("signed_on")
        return find_date_order(cells[column].strip() for _, cells in self.records if cells and len(cells) > column)


@dataclass
class PaperFile:
    """The content of a file: rows to add, and problems in the order of the lines."""

    lines: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_table(content: bytes) -> Table:
    """Return the cells of a CSV file, as spreadsheet programs write it, or of an XLSX workbook.

    Quick also for the longest file. Raises `PaperFileError` for a file that is empty, not text, too long or without
    names.
    """
    if content.startswith(workbook.SIGNATURE):
        return _read_workbook(content)
    lines = decode_lines(content)
    if not any(line.strip() for line in lines):
        raise PaperFileError(PaperFileErrorCode.EMPTY)
    return _split_lines(lines, find_heading(lines))


def _read_workbook(content: bytes) -> Table:
    """Return the cells of the first sheet with a heading; the others are named as not read."""
    sheets = workbook.read_sheets(content)
    if not sheets:
        raise PaperFileError(PaperFileErrorCode.EMPTY)
    for number, (_title, lines) in enumerate(sheets):
        try:
            heading = find_heading(lines, workbook.DELIMITER)
        except PaperFileError:
            continue
        table = _split_lines(lines, heading)
        others = [title for index, (title, _lines) in enumerate(sheets) if index != number]
        return replace(table, problems=[(1, "sheet", title) for title in others] + table.problems)
    raise PaperFileError(PaperFileErrorCode.NO_NAMES)


def _split_lines(lines: Sequence[str], heading: Heading) -> Table:
    records = []
    for line, cells, _ in split_records(lines, heading.end, heading.delimiter):
        if cells is None or any(cell.strip() for cell in cells):
            records.append((line, cells))
            if len(records) > MAX_LINES:
                raise PaperFileError(PaperFileErrorCode.TOO_LONG)
    return Table(heading.columns, records, heading.unused, heading.titles)


def parse_table(table: Table, order: DateOrder) -> PaperFile:
    """Return the signatures of a file and every problem in it, its dates read in this order."""
    found = PaperFile(lines=len(table.records), problems=list(table.problems))
    seen: dict[Any, dict[str, int]] = {}
    for line, cells in table.records:
        if cells is None:
            found.problems.append((line, "quotes", ""))
        else:
            _parse_line(line, cells, table.columns, order, found, seen)
    return found


def _parse_line(
    line: int,
    cells: Sequence[str],
    columns: Sequence[str | None],
    order: DateOrder,
    found: PaperFile,
    seen: dict[Any, dict[str, int]],
) -> None:
    if any(cell.strip() for cell in cells[len(columns) :]):
        found.problems.append((line, "cells", ""))
        return
    values = {name: normalise(cell) for name, cell in zip(columns, cells, strict=False) if name}
    # What people draw through a cell that they leave empty.
    values = {name: value if any(c.isalnum() for c in value) else "" for name, value in values.items()}
    names = [values.pop(name, "") for name in ("full_name", "first_name", "last_name")]
    values["name"] = names[0] or " ".join(filter(None, names[1:]))
    written = values.pop("signed_on", "")
    signed_on = parse_date(written, order) if written else None
    if problem := _find_problem(values, written, signed_on):
        found.problems.append((line, *problem))
        return
    if same := _find_same(line, values, signed_on, seen):
        found.problems.append((line, "twice", str(same)))
        return
    row: dict[str, Any] = {name: values.get(name) or None for name in FIELDS}
    found.rows.append(row | {"line": line, "signed_on": signed_on})


def _find_same(
    line: int, values: dict[str, str], signed_on: date | None, seen: dict[Any, dict[str, int]]
) -> int | None:
    """Return the line that has the same person: name, town and date, and not two different postal codes."""
    person = (values["name"].lower(), values.get("city", "").lower(), signed_on)
    postal_code = re.sub(r"[\s-]", "", values.get("postal_code", "")).lower()
    lines = seen.setdefault(person, {})
    if same := (lines.get(postal_code) or lines.get("") if postal_code else next(iter(lines.values()), None)):
        return same
    lines[postal_code] = line
    return None


def _find_problem(values: dict[str, str], written: str, signed_on: date | None) -> tuple[str, str] | None:
    if not any(c.isalpha() for c in values["name"]):
        return "name", ""
    for name in FIELDS:
        if (value := values.get(name, "")) and (problem := _find_text_problem(name, value)):
            return problem, name
    if written and signed_on is None:
        return "date", written[:20] if is_printable_line(written) else ""
    if signed_on and not date(1900, 1, 1) <= signed_on <= clock.now().date():
        return "day", signed_on.isoformat()
    return None


@lru_cache(maxsize=1024)  # towns and professions come again
def _find_text_problem(field: str, value: str) -> str | None:
    """Return what is wrong with a cell: what is wrong with it online, or a reference that cannot be shown."""
    if "\ufffd" in value:
        return "characters"
    if field != "reference":
        return find_problem(value, field)
    if len(value) > MAX_REFERENCE_CHARACTERS:
        return "long"
    return None if value.isprintable() or is_printable_line(value) else "characters"
