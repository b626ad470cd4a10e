"""Read an XLSX workbook as the lines of a text separated by tabs: one for each row, so that numbers of lines are rows.

Bounded before anything is unpacked: a small file can unpack to gigabytes.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import openpyxl

from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode

SIGNATURE = b"PK\x03\x04"
DELIMITER = "\t"
MAX_UNPACKED_BYTES = 60 * 1024 * 1024
MAX_PARTS = 500
MAX_SHEETS = 20
MAX_COLUMNS = 60
MAX_ROWS = 51_000  # a little more than the lines that are taken, so that too many are said to be


def read_sheets(content: bytes) -> list[tuple[str, list[str]]]:
    """Return the name and the lines of each sheet that has any text. Raises `PaperFileError` for another file.

    A formula counts as its last result, which the program that saved the file has stored beside it.
    """
    _check_size(content)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheets = [(sheet.title, list(_read_lines(sheet))) for sheet in book.worksheets[:MAX_SHEETS]]
    except PaperFileError:
        raise
    except Exception as error:  # openpyxl raises whatever a broken part of a file makes of its parser
        raise PaperFileError(PaperFileErrorCode.SPREADSHEET) from error
    return [(title, lines) for title, lines in sheets if any(line.strip() for line in lines)]


def _check_size(content: bytes) -> None:
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise PaperFileError(PaperFileErrorCode.SPREADSHEET) from None
    if not any(part.filename == "xl/workbook.xml" for part in parts) or len(parts) > MAX_PARTS:
        raise PaperFileError(PaperFileErrorCode.SPREADSHEET)
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise PaperFileError(PaperFileErrorCode.TOO_LONG)


def _read_lines(sheet: Any) -> Iterator[str]:
    sheet.reset_dimensions()  # what the file says of its own size may be wrong
    for number, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)):
        if number >= MAX_ROWS:
            raise PaperFileError(PaperFileErrorCode.TOO_LONG)
        cells = [_to_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        line = io.StringIO()
        csv.writer(line, delimiter=DELIMITER, lineterminator="").writerow(cells)
        yield line.getvalue() if any(cells) else ""


def _to_text(value: Any) -> str:
    """Return a cell as a person reads it, on one line."""
    if value is None or isinstance(value, time):
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())
