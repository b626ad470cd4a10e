"""Convert Markdown to safe HTML, and say which parts of a text will not be shown as their author meant."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape

TAGS = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "strong", "em", "a", "hr", "cite", "sup"}
# In the text of a petition, and in no email.
TEXT_TAGS = TAGS | {"table", "thead", "tbody", "tr", "th", "td", "pre", "code", "img"}
LOWEST_HEADING = 4
# A footnote, as many programs write it; CommonMark has none, and drops the line that holds the note's text.
FOOTNOTE_PATTERN = re.compile(r"(?<!\\)\[\^[^\]\s]{1,40}\](?!\()")
# Of an image that was uploaded: its name has its size, so that the page keeps the place free until it is there.
IMAGE_PATTERN = re.compile(r"/images/[0-9a-f]{20}-(\d{1,4})x(\d{1,4})\.(?:jpg|png)")
BARE_LINK_PATTERN = re.compile(r"https?://[^\s<>\"«»]*[^\s<>\"«».,;:!?)\]’']")
HTML_PATTERN = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:[ /][^<>]*)?>")
STRIKETHROUGH_PATTERN = re.compile(r"~~\S.*?~~")
UNSAFE_LINK_PATTERN = re.compile(r"\]\(\s*<?(?!https?:|mailto:)[a-zA-Z][a-zA-Z0-9+.-]*:")


class Dropped(NamedTuple):
    """Something that is not shown as it was meant, and its line.

    A kind is `image`, `alt`, `html`, `strikethrough` or `link`; in an email also `email_image`, `table` or `code`.
    """

    line: int
    kind: str


def _nest_headings(state: StateCore) -> None:
    """Put headings below the page's title, the text's own first level under it, and keep to the levels in use."""
    headings = [token for token in state.tokens if token.type in ("heading_open", "heading_close")]
    shift = int(any(token.tag == "h1" for token in headings))
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) + shift, LOWEST_HEADING)}"


def _link_bare_urls(state: StateCore) -> None:
    """Make links of the URLs that stand in a text as such."""
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = list(_with_links(block.children))


def _with_links(children: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for token in children:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "text" or depth or "://" not in token.content:
            yield token
            continue
        end = 0
        for url in BARE_LINK_PATTERN.finditer(token.content):
            yield Token("text", "", 0, content=token.content[end : url.start()])
            yield Token("link_open", "a", 1, attrs={"href": url[0]})
            yield Token("text", "", 0, content=url[0])
            yield Token("link_close", "a", -1)
            end = url.end()
        yield Token("text", "", 0, content=token.content[end:])


def _render_image(_renderer: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    """Render an uploaded image that is described; any other shows nothing (`find_dropped` says so)."""
    address, alt = _read_image(tokens[index])
    found = IMAGE_PATTERN.fullmatch(address)
    if not found or not alt:
        return ""
    size = f'width="{found[1]}" height="{found[2]}"'
    return f'<img src="{address}" alt="{escape(alt)}" {size} loading="lazy">'


def _read_image(token: Token) -> tuple[str, str]:
    return str(token.attrs.get("src", "")), " ".join(token.content.split())


markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["replacements"])
markdown.core.ruler.push("nest_headings", _nest_headings)
markdown.core.ruler.push("link_bare_urls", _link_bare_urls)

text_markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["replacements", "table"])
text_markdown.core.ruler.push("nest_headings", _nest_headings)
text_markdown.core.ruler.push("link_bare_urls", _link_bare_urls)
text_markdown.add_render_rule("image", _render_image)


@lru_cache(maxsize=256)
def to_html(source: str) -> Markup:
    """Return sanitised HTML: formatting tags, links with https, http or mailto, bare ones too, no images or scripts.

    A text's `# Heading` becomes a heading below the page's title. A numbered list goes on where the text says so.
    """
    return _sanitise(markdown.render(source), TAGS)


@lru_cache(maxsize=256)
def text_to_html(source: str) -> Markup:
    """Return the text of a petition as sanitised HTML: as `to_html`, with tables, code, uploaded images."""
    return _sanitise(text_markdown.render(source), TEXT_TAGS)


def _sanitise(rendered: str, tags: set[str]) -> Markup:
    attributes = {"a": {"href"}, "ol": {"start"}, "img": {"src", "alt", "width", "height", "loading"}}
    clean = nh3.clean(
        rendered,
        tags=tags,
        attributes={tag: names for tag, names in attributes.items() if tag in tags},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - sanitised on the line above


def find_footnotes(source: str) -> list[int]:
    """Return the lines, counted from 1, with a footnote `[^1]` or its text: they would not be shown as such."""
    return [number for number, line in enumerate(source.split("\n"), 1) if FOOTNOTE_PATTERN.search(line)]


def find_dropped(source: str) -> list[Dropped]:
    """Return what of a petition's text is not shown as its author meant, with the line, counted from 1."""
    found = set(_find_dropped_images(source))
    in_code = {line for token in text_markdown.parse(source) if token.type in ("fence", "code_block") and token.map
               for line in range(token.map[0] + 1, token.map[1] + 1)}  # fmt: skip
    for number, line in enumerate(source.split("\n"), 1):
        plain = re.sub(r"`[^`]*`", "", line)
        for kind, pattern in (
            ("html", HTML_PATTERN), ("strikethrough", STRIKETHROUGH_PATTERN), ("link", UNSAFE_LINK_PATTERN)
        ):  # fmt: skip
            if number not in in_code and pattern.search(plain):
                found.add(Dropped(number, kind))
    return sorted(found)


def find_dropped_in_email(source: str) -> list[Dropped]:
    """Return the same of the text of an email, where there are no images, tables or code either."""
    images = {Dropped(one.line, "email_image") for one in _find_dropped_images(source, with_uploaded=True)}
    others = {one for one in find_dropped(source) if one.kind not in ("image", "alt")}
    return sorted(images | others | set(_find_blocks_lacking_in_email(source)))


def _find_blocks_lacking_in_email(source: str) -> Iterator[Dropped]:
    kinds = {"table_open": "table", "fence": "code", "code_block": "code"}
    for block in text_markdown.parse(source):
        if block.type in kinds and block.map:
            yield Dropped(block.map[0] + 1, kinds[block.type])


def _find_dropped_images(source: str, *, with_uploaded: bool = False) -> Iterator[Dropped]:
    for block in text_markdown.parse(source):
        if block.type != "inline" or not block.map:
            continue
        line = block.map[0] + 1
        for token in block.children or []:
            line += token.type in ("softbreak", "hardbreak")
            if token.type != "image":
                continue
            address, alt = _read_image(token)
            if with_uploaded or not IMAGE_PATTERN.fullmatch(address):
                yield Dropped(line, "image")
            elif not alt:
                yield Dropped(line, "alt")
