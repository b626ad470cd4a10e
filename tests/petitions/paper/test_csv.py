"""Reading CSV files of signatures on paper."""

import pytest

from petition.petitions.paper import csv
from petition.petitions.paper.csv import PaperFileError, PaperFileErrorCode, parse_csv

VALID_CSV = (
    "name,profession,city,signed_on,reference\nZoé Martin,Juge,Lyon,2022-09-28,A1\nJean Roy,,Lyon,28/09/2022,A1\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("separator", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r")])
def test_encodings_and_separators_of_spreadsheets(encoding, separator, end):
    found = parse_csv(VALID_CSV.replace(",", separator).replace("\n", end).encode(encoding))
    assert found.problems == []
    assert [(row["name"], row["city"], row["signed_on"].isoformat(), row["line"]) for row in found.rows] == [
        ("Zoé Martin", "Lyon", "2022-09-28", 2),
        ("Jean Roy", "Lyon", "2022-09-28", 3),
    ]


def test_french_headings_and_quoted_cells():
    found = parse_csv(
        'Prénom;Nom;Métier;Code postal;Ville\nZoé;Martin;"Juge;\nà Lyon";69001;Lyon\nJo;Roy;;;\n'.encode()
    )
    assert [(row["name"], row["profession"], row["line"]) for row in found.rows] == [
        ("Zoé Martin", "Juge; à Lyon", 2), ("Jo Roy", None, 4),
    ]  # fmt: skip


def test_every_problem_has_its_line_number():
    lines = [
        "name,city,signed_on,colour",
        "Zoé Martin,Lyon,2022-09-28,",
        ",Lyon,,",
        "12345,Lyon,,",
        f"{'x' * 121},Lyon,,",
        "Jean Roy,Lyon,soon,",
        "Jean Roy,Lyon,2922-09-28,",
        "zoé MARTIN,lyon,28/09/2022,",
        "Jean Roy,Lyon,,blue,more",
        "",
        "Jean\u0007Roy,Lyon,,",
        "Jean Roy,Lyon,,",
        '"Ana,Lyon,,',
    ]
    found = parse_csv("\n".join(lines).encode())
    assert [(line, kind) for line, kind, _ in found.problems] == [
        (1, "column"), (3, "name"), (4, "name"), (5, "long"), (6, "date"), (7, "day"), (8, "twice"), (9, "cells"),
        (11, "characters"), (13, "quotes"),
    ]  # fmt: skip
    assert [row["line"] for row in found.rows] == [2, 12]
    assert next(detail for line, _, detail in found.problems if line == 8) == "2"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", PaperFileErrorCode.EMPTY),
        (b"PK\x03\x04rest", PaperFileErrorCode.SPREADSHEET),
        (b"name\n\0", PaperFileErrorCode.NOT_TEXT),
        (b"ville\nLyon", PaperFileErrorCode.NO_NAMES),
        (b"name\n" + b"a b\n" * 11, PaperFileErrorCode.TOO_LONG),
    ],
    ids=str,
)
def test_other_files_are_refused(app, monkeypatch, content, code):
    monkeypatch.setattr(csv, "MAX_LINES", 10)
    with pytest.raises(PaperFileError) as error:
        parse_csv(content)
    assert error.value.code is code


@pytest.mark.slow
def test_longest_file_is_read_and_a_longer_one_refused(app):
    assert parse_csv(b"name\n" + b"a b\n" * 50_000).lines == 50_000
    with pytest.raises(PaperFileError) as error:
        parse_csv(b"name\n" + b"a b\n" * 50_001)
    assert error.value.code is PaperFileErrorCode.TOO_LONG
