"""Split a file as spreadsheet programs and people write it into lines and cells."""

import csv
from collections.abc import Iterator, Sequence

from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode

MAX_LINES_PER_RECORD = 20  # of a cell in quotation marks with line breaks
SPREADSHEET_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # ods, and xlsx, which `workbook` reads; xls
OTHER_SIGNATURES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"{\\rtf")


def decode_lines(content: bytes) -> list[str]:
    """Return the lines of a file in UTF-8, windows-1252 or UTF-16.

    A list put together from several files may have lines in different encodings: each line that is not UTF-8 is read
    as windows-1252. Raises `PaperFileError` for what is not text.
    """
    if content.startswith(SPREADSHEET_SIGNATURES):
        raise PaperFileError(PaperFileErrorCode.SPREADSHEET)
    if content.startswith(OTHER_SIGNATURES):
        raise PaperFileError(PaperFileErrorCode.NOT_TEXT)
    if encoding := _detect_utf16(content):
        text = content.decode(encoding, "replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    else:
        lines = [_decode_line(line) for line in content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")]
    if any("\0" in line for line in lines):
        raise PaperFileError(PaperFileErrorCode.NOT_TEXT)
    return [line.removeprefix("\ufeff") for line in lines]  # a byte order mark may be where two files were joined


def _detect_utf16(content: bytes) -> str | None:
    """Return the encoding of a text in UTF-16, with or without a byte order mark: its ASCII has every other byte 0."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = content[:200]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 4 and zeros.count(0) > len(zeros) * 3 // 4:
            return encoding
    return None


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        # The five bytes that windows-1252 leaves undefined become characters that no line may have.
        return line.decode("cp1252", "replace")


def split_records(lines: Sequence[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str] | None, int]]:
    """Yield each record from line `start` on, as (its line counted from 1, its cells, the index of the next line).

    The cells are None where quotation marks are wrong: that costs one line, and reading goes on with the next.
    """
    index = start
    while index < len(lines):
        line, cells, end = lines[index], None, index + 1
        if '"' not in line:
            cells = line.split(delimiter)
        elif (cells := _split([line], delimiter)) is None:
            closing = _find_closing_line(lines, index)
            if closing and (cells := _split(lines[index:closing], delimiter)):
                end = closing
        yield index + 1, cells, end
        index = end


def _split(lines: Sequence[str], delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([f"{line}\n" for line in lines], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


def _find_closing_line(lines: Sequence[str], index: int) -> int | None:
    """Return the index after the line that closes the quotation mark left open at `index`, None if none does soon."""
    marks = 0
    for number in range(index, min(index + MAX_LINES_PER_RECORD, len(lines))):
        marks += lines[number].count('"')
        if marks % 2 == 0 and number > index:
            return number + 1
    return None
