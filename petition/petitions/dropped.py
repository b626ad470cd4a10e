"""What a text in Markdown contains that readers will not see as such: found before it vanishes."""

from flask_babel import gettext as _

from petition.petitions.markdown import TAGS, markdown

MAX_REPORTED = 10


def find_dropped(source: str) -> list[tuple[int, str]]:
    """Return (line, HTML tag) of what the sanitiser removes, such as an image; lines are counted from 1."""
    dropped = []
    for token in markdown.parse(source):
        line = token.map[0] + 1 if token.map else 0
        parts = [token, *(token.children or [])]
        dropped += [(line, part.tag) for part in parts if part.tag and part.nesting >= 0 and part.tag not in TAGS]
    return list(dict.fromkeys(dropped))[:MAX_REPORTED]


def list_warnings(source: str) -> list[str]:
    """Return a sentence for each thing of a text that will not be shown as it was written."""
    names = {"img": _("an image"), "code": _("text marked as code"), "table": _("a table")}
    return [
        _("Line %(line)s: %(what)s will not be shown as such.", line=line, what=names.get(tag, f"<{tag}>"))
        for line, tag in find_dropped(source)
    ]
