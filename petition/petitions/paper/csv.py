"""Read a CSV file of signatures collected on paper: each line is a signature or a problem."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from petition.core import clock
from petition.core.exceptions import ValidationError
from petition.petitions.validation import is_printable_line

MAX_LINES = 50_000
MAX_CHARACTERS = {"name": 120, "profession": 120, "city": 120, "postal_code": 20, "reference": 60}
# Headings of each column in English and French, without accents and in lower case.
HEADINGS = {
    "name": {"name", "nom", "full_name", "nom_complet", "nom_et_prenom", "prenom_et_nom", "nom_prenom", "prenom_nom"},
    "first_name": {"first_name", "given_name", "prenom"},
    "profession": {"profession", "role", "occupation", "metier", "fonction", "profession_ou_role", "qualite"},
    "city": {"city", "town", "ville", "commune"},
    "postal_code": {"postal_code", "postcode", "zip", "code_postal", "cp"},
    "signed_on": {"signed_on", "date", "signed", "signe_le", "date_de_signature"},
    "reference": {"reference", "ref", "sheet", "feuille", "page", "liasse"},
}
# A date that does not begin with the year begins with the day, as in Europe.
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y")


class PaperFileErrorCode(StrEnum):
    """Why a file cannot be read at all; `labels.paper_file_error_message` says it in the reader's language."""

    MISSING = "none"
    EMPTY = "empty"
    SPREADSHEET = "spreadsheet"
    NOT_TEXT = "not text"
    NO_NAMES = "no names"
    TOO_LONG = "too long"


class PaperFileError(ValidationError):
    """A file that cannot be read as a list of signatures."""

    def __init__(self, code: PaperFileErrorCode) -> None:
        super().__init__({"file": _("This file cannot be read as a list of signatures.")})
        self.code = code


@dataclass
class PaperFile:
    """The content of a file: rows to add, and problems as (line, kind, detail) in the order of the lines."""

    lines: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)


def parse_csv(content: bytes) -> PaperFile:
    """Return the rows of a CSV file and every problem in it.

    Takes UTF-8, windows-1252 or UTF-16 with a byte order mark, as spreadsheet programs write them, separated by commas,
    semicolons or tabs. Raises `PaperFileError` for a file that is empty, not text, too long or without names.
    """
    text = _decode(content)
    lines = text.splitlines(keepends=True)
    if not lines:
        raise PaperFileError(PaperFileErrorCode.EMPTY)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=lines[0].count), strict=True)
    found, columns, starts = PaperFile(), None, 1
    seen: dict[Any, int] = {}
    try:
        for cells in reader:
            line, starts = starts, reader.line_num + 1
            if columns is None:
                columns = _map_columns(cells, found)
            elif any(cell.strip() for cell in cells):
                found.lines += 1
                _parse_line(line, cells, columns, found, seen)
            if found.lines > MAX_LINES:
                raise PaperFileError(PaperFileErrorCode.TOO_LONG)
    except csv.Error:
        found.problems.append((starts, "quotes", ""))
    return found


def _decode(content: bytes) -> str:
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        raise PaperFileError(PaperFileErrorCode.SPREADSHEET)
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            if "\0" not in text:
                return text.replace("\r\n", "\n").replace("\r", "\n")
    raise PaperFileError(PaperFileErrorCode.NOT_TEXT)


def _map_columns(cells: Sequence[str], found: PaperFile) -> list[str | None]:
    """Return the field of each column, None for columns that are not used, which are noted as problems."""
    columns: list[str | None] = []
    for cell in cells:
        plain = unicodedata.normalize("NFKD", cell).encode("ascii", "ignore").decode().lower()
        plain = re.sub(r"[^a-z]+", "_", plain).strip("_")
        column = next((name for name, known in HEADINGS.items() if plain in known), None)
        if column is None and cell.strip():
            found.problems.append((1, "column", cell.strip()[:60]))
        columns.append(column if column not in columns else None)
    if "name" not in columns:
        raise PaperFileError(PaperFileErrorCode.NO_NAMES)
    return columns


def _parse_line(
    line: int, cells: Sequence[str], columns: Sequence[str | None], found: PaperFile, seen: dict[Any, int]
) -> None:
    if any(cell.strip() for cell in cells[len(columns) :]):
        found.problems.append((line, "cells", ""))
        return
    values = {name: " ".join(cell.split()) for name, cell in zip(columns, cells, strict=False) if name}
    values["name"] = " ".join(filter(None, (values.pop("first_name", ""), values.get("name", ""))))
    if problem := _find_problem(values):
        found.problems.append((line, *problem))
        return
    signed_on = _parse_date(values.pop("signed_on", ""))
    row: dict[str, Any] = {name: values.get(name) or None for name in MAX_CHARACTERS}
    same = (values["name"].lower(), values.get("city", "").lower(), signed_on)
    if same in seen:
        found.problems.append((line, "twice", str(seen[same])))
        return
    seen[same] = line
    found.rows.append(row | {"line": line, "signed_on": signed_on})


def _find_problem(values: dict[str, str]) -> tuple[str, str] | None:
    if not any(c.isalpha() for c in values["name"]):
        return "name", ""
    for name, longest in MAX_CHARACTERS.items():
        if len(values.get(name, "")) > longest:
            return "long", name
        if not is_printable_line(values.get(name, "")):
            return "characters", name
    written = values.get("signed_on", "")
    signed_on = _parse_date(written)
    if written and signed_on is None:
        return "date", written[:20] if is_printable_line(written) else ""
    if signed_on and not date(1900, 1, 1) <= signed_on <= clock.now().date():
        return "day", signed_on.isoformat()
    return None


def _parse_date(written: str) -> date | None:
    for form in DATE_FORMATS:
        with suppress(ValueError):
            return datetime.strptime(written, form).date()  # noqa: DTZ007 - a day, wherever it was
    return None
