"""The files that an export writes: CSV, streamed, or a workbook of Excel and LibreOffice (XLSX)."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from petition.core.spreadsheets import BOM, format_csv
from petition.exports.columns import time_formats, to_utc

MAX_SHEET_ROWS = 1_048_576  # in a sheet of Excel
CHUNK_BYTES = 64 * 1024
COLUMN_WIDTH = 22  # characters


class FileFormat(StrEnum):
    """A format of an export."""

    XLSX = "xlsx"
    CSV = "csv"  # separated by commas
    CSV_SEMICOLON = "csv-semicolon"  # what spreadsheets read where the comma is the decimal sign, as in French


FILE_FORMATS = tuple(member.value for member in FileFormat)
DELIMITERS = {FileFormat.CSV: ",", FileFormat.CSV_SEMICOLON: ";"}
MIME_TYPES = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv",
    FileFormat.CSV_SEMICOLON: "text/csv",
}
EXTENSIONS = {FileFormat.XLSX: "xlsx", FileFormat.CSV: "csv", FileFormat.CSV_SEMICOLON: "csv"}

Batches = Iterable[Sequence[Sequence[Any]]]


def write_csv(headings: Sequence[str], batches: Batches, delimiter: str, language: str) -> Iterator[bytes]:
    """Yield a CSV file: its headings, then each batch of rows. UTF-8 with its mark; times in UTC."""
    time_format = time_formats(language)[0]
    yield (BOM + format_csv([headings], delimiter)).encode()
    for batch in batches:
        yield format_csv(([_to_text(value, time_format) for value in row] for row in batch), delimiter).encode()


def _to_text(value: Any, time_format: str) -> str:
    if isinstance(value, datetime):
        return to_utc(value).strftime(time_format)
    return "" if value is None else str(value)


def write_xlsx(title: str, headings: Sequence[str], batches: Batches, language: str) -> Iterator[bytes]:
    """Yield a workbook, once its last row is written; one sheet for each million rows.

    Memory is bounded by a batch: rows go to temporary files, which no other user can read and which are gone however
    this ends. Texts are written as texts, never as formulas or links; times are dates, in UTC.
    """
    with tempfile.TemporaryFile() as file, tempfile.TemporaryDirectory() as directory:
        _write_workbook(file, directory, title, headings, batches, language)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _write_workbook(
    file: Any, directory: str, title: str, headings: Sequence[str], batches: Batches, language: str
) -> None:
    options = {
        "constant_memory": True, "tmpdir": directory, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
    }  # fmt: skip
    workbook = xlsxwriter.Workbook(file, options)
    workbook.use_zip64()  # a sheet of more than 4 GB
    bold = workbook.add_format({"bold": True})
    time_format = workbook.add_format({"num_format": time_formats(language)[1], "align": "left"})

    def add_sheet() -> Worksheet:
        sheet = workbook.add_worksheet(f"{title} {number}" if (number := len(workbook.worksheets()) + 1) > 1 else title)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(headings) - 1, COLUMN_WIDTH)
        sheet.write_row(0, 0, headings, bold)
        return sheet

    sheet, row_number = add_sheet(), 1
    for batch in batches:
        for row in batch:
            if row_number == MAX_SHEET_ROWS:
                sheet, row_number = add_sheet(), 1
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(row_number, column, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(row_number, column, to_utc(value), time_format)
                elif value is not None:
                    sheet.write_number(row_number, column, value)
            row_number += 1
    workbook.close()
