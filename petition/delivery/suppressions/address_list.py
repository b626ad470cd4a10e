"""Read lists of addresses as people and providers write them: one a line, or a CSV with the address in some column.

Each line ends up as an address or is reported: a line that is taken for one and is not would be counted as added, and
its address still be emailed.
"""

import csv
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote

MAX_ADDRESS_CHARACTERS = 320
MAX_LINE_CHARACTERS_SHOWN = 80
ADDRESS_PATTERN = re.compile(r"[^@\s<>()\[\],;:\"\\]+@[^@\s<>()\[\],;:\"'\\.]+(\.[^@\s<>()\[\],;:\"'\\.]+)+")
SEPARATORS = ",;\t|"
# Names of the column with the address, as providers and spreadsheets write them, without spaces and punctuation.
ADDRESS_COLUMNS = (
    "email", "emailaddress", "address", "recipient", "recipientemail", "mail", "adresse", "adresseemail", "adressemail",
    "courriel", "destinataire", "contact", "subscriber", "emails", "emailid",
)  # fmt: skip


def decode_list(data: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 with or without a byte order mark, or what Windows writes."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data[:200].count(b"\0") * 3 > len(data[:200]):
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def extract_address(text: str) -> str | None:
    """Return the address in `a@b.fr`, `<a@b.fr>`, `Name <a@b.fr>` or `mailto:a@b.fr`; None if there is not just one."""
    text = "".join(c for c in text if unicodedata.category(c) != "Cf").strip().strip("\"'").strip()
    in_brackets = re.fullmatch(r"[^<>]*<\s*([^<>]*?)\s*>", text)
    text = in_brackets[1] if in_brackets else text
    scheme = re.match(r"(?i)(mailto|smtp|rfc822)\s*[:;]\s*", text)
    if scheme:
        text = text[scheme.end() :]
        text = unquote(text.partition("?")[0]) if scheme[1].lower() == "mailto" else text
    text = text.strip().strip("\"'").rstrip(".")
    return text if len(text) <= MAX_ADDRESS_CHARACTERS and ADDRESS_PATTERN.fullmatch(text) else None


def parse_address_list(text: str) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the addresses of a list, each once, and each line without one: its number and its beginning.

    In a CSV file the address is in the column that its first line names, else in the only cell that has one.
    """
    addresses: dict[str, str] = {}
    invalid, column, is_first = [], None, True
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = line.strip("\0 \u00a0")
        if not line:
            continue
        cells = _split(line)
        if line.startswith("#") and "@" not in line:
            continue  # a comment
        if is_first and "@" not in line:
            is_first, column = False, _find_column(cells)
            if column is not None:
                continue
        is_first = False
        address = _find_address(line, cells, column)
        if address:
            addresses.setdefault(address.lower(), address)
        else:
            invalid.append((number, line[:MAX_LINE_CHARACTERS_SHOWN]))
    return list(addresses.values()), invalid


def _split(line: str) -> list[str]:
    separator = max(SEPARATORS, key=line.count)
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _find_column(cells: Sequence[str]) -> int | None:
    names = [re.sub(r"[\W_]", "", cell).lower() for cell in cells]
    return next((names.index(name) for name in ADDRESS_COLUMNS if name in names), None)


def _find_address(line: str, cells: Sequence[str], column: int | None) -> str | None:
    if column is not None and column < len(cells) and cells[column].strip():
        return extract_address(cells[column])
    found = {address.lower(): address for address in map(extract_address, cells) if address}
    if not found:
        return extract_address(line)
    return next(iter(found.values())) if len(found) == 1 else None
