"""Lists of signatures as people have them: each gives the right rows, or a message that names line and column."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from flask_babel import force_locale

from petition.petitions.paper import workbook
from petition.petitions.paper.csv import parse_table, read_table
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode
from petition.petitions.paper.labels import paper_problem_message

CORPUS = Path(__file__).with_name("corpus")
BOTH = ["Zoé Martin", "Jean Roy"]
# By file: names, the line of each, and (line, kind) of each problem.
EXPECTED = {
    "export-excel-francais.csv": (BOTH, [2, 3], []),
    "excel-utf8-bom.csv": (BOTH, [2, 3], []),
    "sep-point-virgule.csv": (BOTH, [3, 4], []),
    "texte-unicode.txt": (BOTH, [2, 3], []),
    "utf16-sans-marque.txt": (BOTH, [2, 3], []),
    "titres-au-dessus.csv": (BOTH, [5, 6], [(1, "title"), (2, "title")]),
    "lignes-vides.csv": (BOTH, [3, 6], []),
    "google-forms.csv": (BOTH, [2, 3], [(1, "column")]),
    "numbers-mac.csv": (BOTH, [2, 3], []),
    "libreoffice-guillemets.csv": (BOTH, [2, 4], []),
    "barres.csv": (BOTH, [2, 3], []),
    "dates-de-toutes-sortes.csv": ([*BOTH, "Ada Lenoir", "Omar Petit"], [2, 3, 4, 5], [(6, "date"), (7, "date")]),
    "deux-fois.csv": ([*BOTH, "Jean Roy"], [2, 3, 5], [(4, "twice")]),
    "fusion-de-deux-listes.csv": (["Zoé Martin", "Anaïs Lefèvre", "Jean Roy"], [2, 3, 4], []),
    "guillemet-oublie.csv": (["Zoé Martin", "Ada Lenoir"], [2, 4], [(3, "quotes")]),
    "trop-de-cellules.csv": (["Jean Roy"], [3], [(2, "cells")]),
    "classeur-dates.xlsx": (BOTH, [2, 3], []),
    "deux-feuilles.xlsx": (BOTH, [3, 5], [(1, "sheet"), (1, "title")]),
    "formules.xlsx": (BOTH, [2, 3], []),
    "nombres-a-la-place-des-dates.xlsx": (BOTH, [2, 3], [(4, "date")]),
}
REFUSED = {
    "sans-en-tete.csv": PaperFileErrorCode.NO_NAMES,
    "photo.csv": PaperFileErrorCode.NOT_TEXT,
    "libreoffice.ods": PaperFileErrorCode.SPREADSHEET,
}
DAYS = {
    "classeur-dates.xlsx": ["2022-09-28", "2022-09-29"],
    "nombres-a-la-place-des-dates.xlsx": ["2022-09-28", "2022-09-29"],
    "dates-de-toutes-sortes.csv": ["2022-09-28"] * 4,
    "google-forms.csv": ["2022-09-28"] * 2,
}


def read(name):
    return parse_table(read_table((CORPUS / name).read_bytes()), DateOrder.DAY)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_list_gives_its_rows_and_says_what_it_leaves_out(app, name):
    found = read(name)
    assert [row["name"] for row in found.rows] == EXPECTED[name][0]
    assert [row["line"] for row in found.rows] == EXPECTED[name][1]
    assert sorted((line, kind) for line, kind, _ in found.problems) == EXPECTED[name][2]
    if name in DAYS:
        assert [row["signed_on"].isoformat() for row in found.rows] == DAYS[name]
    with force_locale("fr"):
        assert all(paper_problem_message(kind, detail) for _line, kind, detail in found.problems)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_list_is_refused_whole(app, name):
    with pytest.raises(PaperFileError) as error:
        read(name)
    assert error.value.code is REFUSED[name]


def test_the_whole_corpus_is_tested():
    assert {path.name for path in CORPUS.iterdir()} == {*EXPECTED, *REFUSED}
    assert len(EXPECTED) + len(REFUSED) >= 20


def test_cells_of_a_workbook_are_read_as_people_see_them(app):
    assert [row["postal_code"] for row in read("deux-feuilles.xlsx").rows] == ["69001", "30000"]
    assert [row["profession"] for row in read("libreoffice-guillemets.csv").rows] == ["Juge; à Lyon", 'dit "le Roy"']


def make_workbook(rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_does(app, monkeypatch):
    content = make_workbook([["Nom"], ["Zoé Martin"]])
    assert len(parse_table(read_table(content), DateOrder.DAY).rows) == 1
    bomb = io.BytesIO(content)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/zeros", b"\0" * (workbook.MAX_UNPACKED_BYTES + 1))
    assert len(bomb.getvalue()) < 200_000
    with pytest.raises(PaperFileError) as error:
        read_table(bomb.getvalue())
    assert error.value.code is PaperFileErrorCode.TOO_LONG


@pytest.mark.parametrize("end", [30, 200, -30])
def test_a_workbook_that_was_cut_is_refused(app, end):
    with pytest.raises(PaperFileError) as error:
        read_table(make_workbook([["Nom"], ["Zoé Martin"]])[:end])
    assert error.value.code is PaperFileErrorCode.SPREADSHEET
