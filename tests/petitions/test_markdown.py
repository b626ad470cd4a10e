import re

import pytest

from petition.petitions.markdown import find_dropped, find_dropped_in_email, find_footnotes, text_to_html, to_html


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
    html = (to_html(source) + text_to_html(source)).lower()
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


IMAGE = "/images/0123456789abcdef0123-800x600.jpg"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>2</td>"),
        ("`x < y`", "<code>x &lt; y</code>"),
        ("```\nx\n```", "<pre><code>x\n</code></pre>"),
        ("<https://example.org>", '<a href="https://example.org" rel="noopener noreferrer">https://example.org</a>'),
        ("See https://example.org/a_b, now.", ">https://example.org/a_b</a>, now."),
        (f"![A cell]({IMAGE})", f'<img src="{IMAGE}" alt="A cell" width="800" height="600" loading="lazy">'),
        ('![A "cell" <b>]({IMAGE})'.replace("{IMAGE}", IMAGE), 'alt="A &quot;cell&quot; &lt;b&gt;"'),
    ],
)
def test_tables_code_links_and_uploaded_images_are_shown(source, shown):
    assert shown in text_to_html(source)


def test_a_link_in_a_link_stays_one():
    assert text_to_html("[https://a.example](https://b.example)").count("<a ") == 1


@pytest.mark.parametrize(
    ("source", "dropped"),
    [
        ("One\n\n![x](https://example.org/a.png)", [(3, "image")]),
        (f"One\nand ![]({IMAGE})", [(2, "alt")]),
        (f"![A cell]({IMAGE})", []),
        ("a\n\n<b>bold</b>", [(3, "html")]),
        ("1 < 2 and 3 > 2, ~~old~~", [(1, "strikethrough")]),
        ("[x](javascript:alert(1))\n[y](https://example.org)", [(1, "link")]),
        ("`<b>`\n\n```\n<b>\n```\n", []),
    ],
)
def test_what_is_not_shown_is_found_with_its_line(source, dropped):
    assert find_dropped(source) == dropped


def test_what_an_email_does_not_show_is_named_with_its_line():
    source = f"![A garden](/images/{'a' * 20}-10x10.jpg)\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n~~old~~\n\n```\nx\n```"
    assert find_dropped_in_email(source) == [(1, "email_image"), (3, "table"), (7, "strikethrough"), (9, "code")]
    assert find_dropped_in_email("Some *text*, https://example.org/, and\n\n- a list") == []


def test_a_bare_url_in_an_email_is_a_link():
    assert '<a href="https://example.org/a"' in to_html("See https://example.org/a.")
    assert to_html("[here](https://example.org/a)").count("<a ") == 1
