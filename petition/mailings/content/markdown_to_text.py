"""Convert Markdown to plain text, for the text part of emails."""

import textwrap
from collections.abc import Iterator

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from petition.petitions.markdown import markdown

MAX_LINE_CHARACTERS = 74
MIN_LINE_CHARACTERS = 20  # however deeply lists are nested
MAX_NESTING = 40  # of emphasis in emphasis; far below Python's recursion limit


def to_text(source: str, width: int = MAX_LINE_CHARACTERS) -> str:
    """Return Markdown as wrapped plain text; the URL of a link follows its text and is never broken."""
    return "\n\n".join(_blocks(SyntaxTreeNode(markdown.parse(source)), width))


def find_links(source: str) -> Iterator[tuple[int, str]]:
    """Return the URLs of the links, each with the first line of its paragraph."""
    for line, token in _tokens(source):
        if token.type == "link_open":
            yield line, str(token.attrs["href"])


def find_too_deep_lines(source: str) -> set[int]:
    """Return the first lines of paragraphs whose emphasis is nested more deeply than `MAX_NESTING`."""
    return {line for line, token in _tokens(source) if token.level > MAX_NESTING}


def _tokens(source: str) -> Iterator[tuple[int, Token]]:
    for block in markdown.parse(source):
        for token in block.children or ():
            yield (block.map or [0])[0] + 1, token


def _blocks(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    for block in node.children:
        if block.type in ("paragraph", "heading"):
            yield _wrap(_inline(block.children[0]), width)
        elif block.type == "blockquote":
            yield textwrap.indent("\n\n".join(_blocks(block, width - 2)), "> ", lambda _: True)
        elif block.type in ("bullet_list", "ordered_list"):
            yield _list(block, width)
        elif block.type == "hr":
            yield "* * *"
        else:
            yield block.content.rstrip("\n")


def _list(block: SyntaxTreeNode, width: int) -> str:
    start = int(block.attrs.get("start", 1) or 1)
    items = []
    for number, item in enumerate(block.children, start):
        mark = "* " if block.type == "bullet_list" else f"{number}. "
        text = "\n\n".join(_blocks(item, width - len(mark)))
        items.append(mark + textwrap.indent(text, " " * len(mark)).lstrip())
    return "\n".join(items)


def _wrap(text: str, width: int) -> str:
    lines = (
        textwrap.wrap(line, max(width, MIN_LINE_CHARACTERS), break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join("\n".join(line) for line in lines)


def _inline(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type == "softbreak":
        return " "
    if node.type == "hardbreak":
        return "\n"
    text = "".join(_inline(child) for child in node.children)
    if node.type == "link":
        url = str(node.attrs["href"])
        return text if text in (url, url.removeprefix("mailto:")) else f"{text} <{url}>"
    return "" if node.type == "image" else text
