"""The runbook: what to do about each alert, packaged with the application.

`runbook.md` is the part *Alerts* of docs/operations.md, word for word (a test compares them): an installed package has
no docs.
"""

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

from petition.petitions.markdown import to_html

SECTION_PATTERN = re.compile(r"^### ([A-Za-z]+)$\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
LINK_PATTERN = re.compile(r"\[([^\]]+)\]\([^)]*\)")  # to other parts of the document, which the page has not


@cache
def read_runbook() -> dict[str, Markup]:
    """Return the sections as HTML, by the name of the alert, in the order of the document."""
    text = Path(__file__).with_name("runbook.md").read_text(encoding="utf-8")
    return {name: to_html(LINK_PATTERN.sub(r"\1", body)) for name, body in SECTION_PATTERN.findall(text)}
