"""Reading CSV files of signatures on paper, as spreadsheets, forms and volunteers write them."""

from datetime import date

import pytest
from flask_babel import force_locale
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.petitions.paper import csv
from petition.petitions.paper.csv import parse_table, read_table
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode

VALID_CSV = (
    "name,profession,city,signed_on,reference\nZoé Martin,Juge,Lyon,2022-09-28,A1\nJean Roy,,Lyon,28/09/2022,A1\n"
)


def parse_csv(content, order=DateOrder.DAY):
    content = content.encode() if isinstance(content, str) else content
    return parse_table(read_table(content), order)


def names(found):
    return [row["name"] for row in found.rows]


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
    found = parse_csv('Prénom;Nom;Métier;Code postal;Ville\nZoé;Martin;"Juge;\nà Lyon";69001;Lyon\nJo;Roy;;;\n')
    assert [(row["name"], row["profession"], row["line"]) for row in found.rows] == [
        ("Zoé Martin", "Juge; à Lyon", 2), ("Jo Roy", None, 4),
    ]  # fmt: skip


def test_spanish_headings():
    line = "Zoé;Martín;Jueza;28001;Madrid;28/09/2022"
    found = parse_csv(f"Nombre;Apellidos;Profesión;Código postal;Población;Fecha\n{line}\n")
    assert [(row["name"], row["profession"], row["city"], row["postal_code"]) for row in found.rows] == [
        ("Zoé Martín", "Jueza", "Madrid", "28001")
    ]
    assert names(parse_csv("Nombre;Ciudad\nZoé Martín;Madrid\n")) == ["Zoé Martín"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_the_site_s_own_words_in_each_language(app, language):
    with force_locale(language):
        titles = [_("Whole name"), _("Profession or role"), _("City"), _("Postal code"), _("Date"), _("Reference")]
    found = parse_csv(";".join(titles) + "\nZoé Martin;Juge;Lyon;69001;28/09/2022;A1\n")
    (row,) = found.rows
    assert (row["name"], row["profession"], row["city"]) == ("Zoé Martin", "Juge", "Lyon")
    assert (row["postal_code"], row["signed_on"], row["reference"]) == ("69001", date(2022, 9, 28), "A1")


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


def test_names_are_read_by_the_rules_of_the_form():
    found = parse_csv(
        "name,profession,city,postal_code\n"
        "Zoé Martin,Juge,Lyon,69001\n"
        "Jean 23,,,\n"
        "Jean Roy,voir evil.com,,\n"
        "Ana Roy,06 12 34 56 78,,\n"
        "Аna Roy,,,\n"  # the first letter is Cyrillic
        "Léa Roy,,75011,\n"
        "Lou Roy,-,/,–\n"
    )
    assert found.problems == [
        (3, "letters", "name"), (4, "link", "profession"), (5, "phone", "profession"), (6, "scripts", "name"),
        (7, "letters", "city"),
    ]  # fmt: skip
    assert names(found) == ["Zoé Martin", "Lou Roy"]
    assert found.rows[1]["profession"] is None


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


@pytest.mark.parametrize(
    ("heading", "line", "name"),
    [
        ("First Name,Last Name,City", "Zoé,Martin,Lyon", "Zoé Martin"),
        ("First Name,Name,City", "Zoé,Martin,Lyon", "Zoé Martin"),
        ("Name,First Name,Last Name", "Dr Zoé Martin,Zoé,Martin", "Dr Zoé Martin"),
        ("City,Full name", "Lyon,Zoé Martin", "Zoé Martin"),
        ("Nom de famille;Prénom(s);Ville", "Martin;Zoé;Lyon", "Zoé Martin"),
        ("NOM;PRÉNOMS;VILLE / COMMUNE", "Martin;Zoé;Lyon", "Zoé Martin"),
        ("Nom (obligatoire) *;Prénom *;Ville", "Martin;Zoé;Lyon", "Zoé Martin"),
        ("Nom d’usage;Prénom;Commune", "Martin;Zoé;Lyon", "Zoé Martin"),
        ("Nom et prénom;Ville", "Zoé Martin;Lyon", "Zoé Martin"),
        ('"Nom\nde famille";"Prénom";Ville', "Martin;Zoé;Lyon", "Zoé Martin"),
        ("Horodateur,Nom,Prénom", "28/09/2022 14:05:33,Martin,Zoé", "Zoé Martin"),
        ("Nom|Prénom|Ville", "Martin|Zoé|Lyon", "Zoé Martin"),
    ],
)
def test_headings_that_volunteers_write(heading, line, name):
    found = parse_csv(f"{heading}\n{line}\n")
    assert (names(found), found.problems) == ([name], [])


@pytest.mark.parametrize(
    ("before", "problems"),
    [
        ("sep=;\n", []),
        ("\ufeffsep=;\r\n", []),
        ("\n\n", []),
        (";;\n", []),
        ("Pour un accès à Internet en prison, feuille 12;;\n\n", [(1, "title")]),
        ("sep=;\nSignatures, marché du 28/09\n", [(2, "title")]),
    ],
)
def test_what_stands_before_the_heading(before, problems):
    found = parse_csv(f"{before}Nom;Prénom;Ville\nMartin;Zoé;Lyon\n")
    assert names(found) == ["Zoé Martin"]
    assert found.rows[0]["line"] == before.count("\n") + 2
    assert [(line, kind) for line, kind, _ in found.problems] == problems


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2022-09-28", date(2022, 9, 28)),
        ("2022-09-28T14:05:33Z", date(2022, 9, 28)),
        ("2022-09-28T14:05:33.123+02:00", date(2022, 9, 28)),
        ("2022-09-28 14:05", date(2022, 9, 28)),
        ("2022/09/28 2:05:33 PM GMT+2", date(2022, 9, 28)),
        ("2022/09/28 2:05:33 PM UTC+2", date(2022, 9, 28)),
        ("2022/09/28 14:05:33 CEST", date(2022, 9, 28)),
        ("28/09/2022 14:05:33", date(2022, 9, 28)),
        ("28/09/2022 14h05", date(2022, 9, 28)),
        ("28/09/2022 à 14:05", date(2022, 9, 28)),
        ("28.9.2022", date(2022, 9, 28)),
        ("28-09-22", date(2022, 9, 28)),
        ("29/02/2022", None),
        ("28/09", None),
        ("28/09/2022 or later", None),
        ("2022-09/28", None),
    ],
)
def test_dates_with_and_without_times(written, day):
    found = parse_csv(f"nom;date\nZoé Martin;{written}\n")
    assert [row["signed_on"] for row in found.rows] == ([day] if day else [])
    assert [kind for _, kind, _ in found.problems] == ([] if day else ["date"])


@pytest.mark.parametrize(
    ("dates", "question"),
    [
        (["2022-09-28", "2022-10-01"], (DateOrder.DAY, "")),
        (["28/09/2022", "01/10/2022"], (DateOrder.DAY, "01/10/2022")),
        (["9/28/2022 14:05:33", "9/29/2022 9:12:01"], (None, "9/28/2022")),
        (["9/28/2022 14:05:33", "10/1/2022 9:12:01"], (None, "10/1/2022")),
        (["03/04/2022"], (None, "03/04/2022")),
        (["04/04/2022", "03.04.2022", ""], (DateOrder.DAY, "")),
    ],
)
def test_month_first_dates_are_asked_about(dates, question):
    table = read_table(("nom;date\n" + "".join(f"Signer {n};{day}\n" for n, day in enumerate(dates))).encode())
    assert table.find_date_order() == question


def test_dates_are_read_in_the_order_that_was_answered():
    content = "nom;date\nZoé Martin;03/04/2022 10:00\nJean Roy;04.03.2022\nAna Diaz;2022-04-03\n"
    assert [row["signed_on"].isoformat() for row in parse_csv(content, DateOrder.MONTH).rows] == [
        "2022-03-04", "2022-03-04", "2022-04-03",
    ]  # fmt: skip
    assert parse_csv(content, DateOrder.DAY).rows[0]["signed_on"].isoformat() == "2022-04-03"


@pytest.mark.parametrize(
    "bad", ['"Ana Diaz;Lyon', '"Ana" Diaz;Lyon', 'Ana;"Lyon', '"Ana;Lyon;""', '"Ana ""A"" Diaz;Lyon']
)
def test_one_bad_quotation_mark_costs_one_line(bad):
    lines = ["nom;ville", "Zoé Martin;Lyon", bad, "Jean Roy;Lyon", *(f'"Signer ""{n}""";Lyon' for n in "abcdef")]
    found = parse_csv("\n".join(lines))
    assert [(line, kind) for line, kind, _ in found.problems] == [(3, "quotes")]
    assert len(found.rows) == 8
    assert names(found)[:2] == ["Zoé Martin", "Jean Roy"]


def test_quotation_marks_inside_a_cell_and_line_breaks_within_quotation_marks_are_read():
    found = parse_csv('nom;ville\nJean "Jo" Roy;Lyon\n"Zoé\nMartin";"Lyon\n\n"\nAna Diaz;Lyon\n')
    assert [(row["line"], row["name"]) for row in found.rows] == [
        (2, 'Jean "Jo" Roy'), (3, "Zoé Martin"), (7, "Ana Diaz"),
    ]  # fmt: skip


def test_lines_in_different_encodings_are_each_decoded():
    lines = ["nom;ville".encode("utf-8-sig"), "Zoé Martin;Orléans".encode(), "Hélène Roy;Nîmes".encode("cp1252")]
    found = parse_csv(b"\r\n".join([*lines, "Noël Diaz;Évry".encode("utf-8-sig"), b"Ren\x81 Petit;Lyon"]))
    assert [(row["name"], row["city"]) for row in found.rows] == [
        ("Zoé Martin", "Orléans"), ("Hélène Roy", "Nîmes"), ("Noël Diaz", "Évry"),
    ]  # fmt: skip
    assert found.problems == [(5, "characters", "name")], "a byte that means nothing is said"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig", "cp1252"])
def test_encodings_with_and_without_a_byte_order_mark(encoding):
    found = parse_csv("Nom\tPrénom\tVille\r\nMartin\tZoé\tLyon\r\n".encode(encoding))
    assert (names(found), found.problems) == (["Zoé Martin"], [])


def test_same_name_with_two_postal_codes_is_two_people():
    lines = ["Jean Roy;Lyon;69001", "Jean Roy;Lyon;69 001", "Jean Roy;Lyon;69003", "Jean Roy;Lyon;", "Jean Roy;Paris;"]
    found = parse_csv("nom;ville;code postal\n" + "\n".join(lines))
    assert [(row["line"], row["postal_code"]) for row in found.rows] == [(2, "69001"), (4, "69003"), (6, None)]
    assert found.problems == [(3, "twice", "2"), (5, "twice", "2")]


def test_a_column_that_stands_twice_is_said():
    found = parse_csv("nom;ville;commune\nZoé Martin;Lyon;Paris\n")
    assert (found.rows[0]["city"], found.problems) == ("Lyon", [(1, "column", "commune")])


@pytest.mark.slow
def test_longest_file_is_read_and_a_longer_one_refused(app):
    assert parse_csv(b"name\n" + b"a b\n" * 50_000).lines == 50_000
    with pytest.raises(PaperFileError) as error:
        parse_csv(b"name\n" + b"a b\n" * 50_001)
    assert error.value.code is PaperFileErrorCode.TOO_LONG


@pytest.mark.parametrize("opening", [b"[", b"(", b"[(", b"(a"])
def test_a_file_of_opening_brackets_is_read_once(opening):
    """It took the square of its length: a small file kept a web process busy until it was killed."""
    with pytest.raises(PaperFileError):
        read_table(opening * (500_000 // len(opening)))


def test_what_a_heading_has_in_brackets_is_no_part_of_it():
    assert read_table("Nom (prénom, nom);Ville [commune]\nZoé Martin;Lyon\n".encode()).columns == ["last_name", "city"]
