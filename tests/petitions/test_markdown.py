import re

import pytest

from petition.petitions.markdown import find_footnotes, to_html


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://example.org/a.png)",
        '<a href="x" onclick="y">z</a>',
        "<iframe src=x></iframe>",
        '<p style="color:red">a</p>',
    ],
)
def test_scripts_images_and_foreign_markup_are_removed(source):
    html = to_html(source).lower()
    for word in ("<script", 'href="javascript', "<img", "<iframe", "<p style"):
        assert word not in html
    assert '<a href="x" onclick' not in html


def test_a_numbered_list_goes_on_after_a_paragraph():
    html = to_html("1. Internet\n2. Books\n\nAnd then:\n\n3. Visits\n")
    assert '<ol start="3">' in html
    assert "<ol>" in html


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("# One\n\n## Two\n\n### Three", ["h2", "h3", "h4"]),
        ("One\n===\n\nTwo\n---", ["h2", "h3"]),
        ("## One\n\n### Two", ["h2", "h3"]),
        ("# One\n\n###### Deep", ["h2", "h4"]),
    ],
)
def test_headings_are_below_the_title_of_the_page(source, tags):
    assert re.findall(r"<(h\d)>", to_html(source)) == tags


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("As a report says[^1].\n\n[^1]: Report, 2022.", [1, 3]),
        ("One[^note] and\ntwo.", [1]),
        ("A [link](https://example.org), 2^3, [1], \\[^1] and [^up](https://example.org).", []),
    ],
)
def test_footnotes_are_found_with_their_lines(source, lines):
    assert find_footnotes(source) == lines
