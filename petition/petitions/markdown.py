"""Markdown to HTML that is safe to show."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "strong", "em", "a", "hr", "cite", "sup"}

markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["replacements"])


@lru_cache(maxsize=256)
def to_html(source: str) -> Markup:
    """Return sanitised HTML: the tags of a letter, links to the web or to a mailbox only, no image, no script."""
    rendered = markdown.render(source)
    clean = nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - sanitised on the line above
