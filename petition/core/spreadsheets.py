"""Cells that no spreadsheet reads as a formula, and rows of CSV."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it, spreadsheets do not read a CSV file as UTF-8

# How a formula begins in spreadsheets, full-width forms included (OWASP, CSV Injection). It begins where a cell does:
# at the first character, or after whatever a program may split the line at, which need not be what we separated with.
# Programs drop spaces and quotes in front of it.
_FORMULA = re.compile(r'((?:^|[,;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029])[\s"]*)(?=[=+\-@＝＋－＠])')
_MAY_HAVE_FORMULA = re.compile("[=+\\-@＝＋－＠\t\r\n]")  # few cells do: the others cost one look
_CONTROL_PREFIXES = ("\t", "\r", "\n")


def escape_formulas(text: str) -> str:
    """Return a text with an apostrophe in front of whatever a spreadsheet would read as a formula.

    That is each `= + - @` at the beginning, or after a comma, a semicolon, a tab or a line break: a file separated by
    commas may be opened by a program that splits at semicolons.
    """
    if not _MAY_HAVE_FORMULA.search(text):
        return text
    escaped = _FORMULA.sub(r"\1'", text)
    return f"'{escaped}" if escaped.startswith(_CONTROL_PREFIXES) else escaped


def format_csv(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """Return rows as CSV (RFC 4180: double quotes where needed, CRLF), without formulas."""
    output = io.StringIO()
    writer = csv.writer(output, delimiter=delimiter)
    writer.writerows([escape_formulas(cell) for cell in row] for row in rows)
    return output.getvalue()
