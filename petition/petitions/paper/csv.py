"""Read a file of signatures collected on paper: every line is a signature, or a problem with a name."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from petition.core import clock
from petition.core.exceptions import ValidationError
from petition.petitions.validation import is_printable_line

MAX_LINES = 50_000  # lines
MAX_CHARACTERS = {"name": 120, "profession": 120, "city": 120, "postal_code": 20, "reference": 60}
# Headings as people write them, without accents and in lower case.
HEADINGS = {
    "name": {"name", "nom", "full_name", "nom_complet", "nom_et_prenom", "prenom_et_nom", "nom_prenom", "prenom_nom"},
    "first_name": {"first_name", "given_name", "prenom"},
    "profession": {"profession", "role", "occupation", "metier", "fonction", "profession_ou_role", "qualite"},
    "city": {"city", "town", "ville", "commune"},
    "postal_code": {"postal_code", "postcode", "zip", "code_postal", "cp"},
    "signed_on": {"signed_on", "date", "signed", "signe_le", "date_de_signature"},
    "reference": {"reference", "ref", "sheet", "feuille", "page", "liasse"},
}
# Days come first where there is no year in front: this is Europe's order.
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y")


@dataclass
class PaperFile:
    """What a file holds: rows to add, and problems as (line, kind, detail), by line."""

    lines: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[int, str, str]] = field(default_factory=list)


def parse_csv(content: bytes) -> PaperFile:
    """Return what a CSV file holds, with every problem and not only the first.

    UTF-8, or what spreadsheets of western Europe write (windows-1252, UTF-16 with its mark); commas, semicolons or
    tabs. Raises `Refusal({"file": kind})` when it is no such file: empty, not text, no column of names, too many lines.
    """
    text = _decode(content)
    lines = text.splitlines(keepends=True)
    if not lines:
        raise ValidationError({"file": "empty"})
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
                raise ValidationError({"file": "too long"})
    except csv.Error:
        found.problems.append((starts, "quotes", ""))
    return found


def _decode(content: bytes) -> str:
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValidationError({"file": "spreadsheet"})
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            if "\0" not in text:
                return text.replace("\r\n", "\n").replace("\r", "\n")
    raise ValidationError({"file": "not text"})


def _map_columns(cells: Sequence[str], found: PaperFile) -> list[str | None]:
    """Return what each column holds; those that are not used are told."""
    columns: list[str | None] = []
    for cell in cells:
        plain = unicodedata.normalize("NFKD", cell).encode("ascii", "ignore").decode().lower()
        plain = re.sub(r"[^a-z]+", "_", plain).strip("_")
        column = next((name for name, known in HEADINGS.items() if plain in known), None)
        if column is None and cell.strip():
            found.problems.append((1, "column", cell.strip()[:60]))
        columns.append(column if column not in columns else None)
    if "name" not in columns:
        raise ValidationError({"file": "no names"})
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
