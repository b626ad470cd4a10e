"""The runbook: what to do about each alert, packaged with the application.

`runbook.md` is the part *Alerts* of docs/operations.md, word for word (a test compares them): an installed package has
no docs.
"""

import re
from functools import cache
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

SECTION_PATTERN = re.compile(r"^### ([A-Za-z]+)$\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
TAGS = {"p", "ol", "li", "em", "code", "pre"}
LINK_PATTERN = re.compile(r"\[([^\]]+)\]\([^)]*\)")  # to other parts of the document, which the page has not


@cache
def read_runbook() -> dict[str, Markup]:
    """Return the sections as HTML, by the name of the alert, in the order of the document."""
    text, markdown = Path(__file__).with_name("runbook.md").read_text(encoding="utf-8"), MarkdownIt("commonmark")
    return {
        name: Markup(nh3.clean(markdown.render(LINK_PATTERN.sub(r"\1", body)), tags=TAGS))  # noqa: S704 - sanitised
        for name, body in SECTION_PATTERN.findall(text)
    }
