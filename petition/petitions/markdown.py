"""Convert Markdown to safe HTML."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

TAGS = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "strong", "em", "a", "hr", "cite", "sup"}
LOWEST_HEADING = 4
# A footnote, as many programs write it; CommonMark has none, and drops the line that holds the note's text.
FOOTNOTE_PATTERN = re.compile(r"(?<!\\)\[\^[^\]\s]{1,40}\](?!\()")


def _nest_headings(state: StateCore) -> None:
    """Put headings below the page's title, the text's own first level under it, and keep to the levels in use."""
    headings = [token for token in state.tokens if token.type in ("heading_open", "heading_close")]
    shift = int(any(token.tag == "h1" for token in headings))
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) + shift, LOWEST_HEADING)}"


markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["replacements"])
markdown.core.ruler.push("nest_headings", _nest_headings)


@lru_cache(maxsize=256)
def to_html(source: str) -> Markup:
    """Return sanitised HTML: formatting tags, links with https, http or mailto, no images, no scripts.

    A text's `# Heading` becomes a heading below the page's title. A numbered list goes on where the text says so.
    """
    rendered = markdown.render(source)
    clean = nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - sanitised on the line above


def find_footnotes(source: str) -> list[int]:
    """Return the lines, counted from 1, with a footnote `[^1]` or its text: they would not be shown as such."""
    return [number for number, line in enumerate(source.split("\n"), 1) if FOOTNOTE_PATTERN.search(line)]
