"""Cells that no spreadsheet reads as a formula, whatever it splits a line at."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petition.core.spreadsheets import escape_formulas, format_csv

SEPARATORS = (",", ";", "\t")
texts = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("=+-@＝,;\t\r\n\"' xé")), st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ),
    max_size=20,
)


def cells_as_read(data, delimiter):
    """Return the cells that a spreadsheet finds: with quotes as CSV has them, and by splitting alone."""
    quoted = [cell for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter) for cell in row]
    split = [cell for line in re.split(r"[\r\n]+", data) for cell in line.split(delimiter)]
    return [cell.strip().strip('"').strip() for cell in quoted + split]


@given(st.lists(texts, min_size=1, max_size=3))
@example(["x;=1+1"])
@example(['x;"=1+1"'])
@example(["x\t@SUM(1)", "a,\n -2"])
@example(["a; ＝1"])
def test_no_cell_is_a_formula_whatever_the_reader_splits_at(row):
    for written in SEPARATORS:
        data = format_csv([row], written)
        for read in SEPARATORS:
            for cell in cells_as_read(data, read):
                assert not cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), (written, read, data)


@given(st.lists(texts, min_size=1, max_size=3))
def test_nothing_but_apostrophes_is_added(row):
    (read,) = csv.reader(io.StringIO(format_csv([row], ";"), newline=""), delimiter=";")
    assert [cell.replace("'", "") for cell in read] == [cell.replace("'", "") for cell in row]


@pytest.mark.parametrize(
    "text", ["Jean-Pierre Dupont", "enseignant - chercheur", "zoe+petition@example.org", "Juge ; avocat", "1 = 1", ""]
)
def test_ordinary_texts_stay_as_they_are(text):
    assert escape_formulas(text) == text


def test_what_begins_a_formula_has_an_apostrophe():
    assert escape_formulas("=HYPERLINK(A1)") == "'=HYPERLINK(A1)"
    assert escape_formulas("x;=1+1") == "x;'=1+1"
    assert escape_formulas("a,+1; -2\t@x") == "a,'+1; '-2\t'@x"
    assert escape_formulas("\tx") == "'\tx"
