"""Markdown as the text part of emails."""

from petition.mailings.content.markdown_to_text import to_text


def test_a_numbered_list_goes_on_after_a_paragraph():
    assert (
        to_text("1. Internet\n2. Books\n\nAnd then:\n\n3. Visits\n")
        == "1. Internet\n2. Books\n\nAnd then:\n\n3. Visits"
    )


def test_a_heading_of_the_first_level_is_a_line_of_its_own():
    assert to_text("# News\n\nSome text.") == "News\n\nSome text."


def test_a_bare_url_stands_once():
    assert to_text("See https://example.org/a.") == "See https://example.org/a."
