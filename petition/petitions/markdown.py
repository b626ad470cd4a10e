"""Convert Markdown to safe HTML."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "strong", "em", "a", "hr", "cite", "sup"}

markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["replacements"])


@lru_cache(maxsize=256)
def to_html(source: str) -> Markup:
    """Return sanitised HTML: formatting tags, links with https, http or mailto, no images, no scripts."""
    rendered = markdown.render(source)
    clean = nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - sanitised on the line above
