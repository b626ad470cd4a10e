"""Turn Markdown into a tree of plain nodes, which the templates lay out: what is typed stays data all the way."""

import re
from collections.abc import Iterable
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from petition.petitions.markdown import IMAGE_PATTERN, text_markdown

Node = dict[str, Any]
LINK_PATTERN = re.compile(r"(?:https?://|mailto:)")
MAX_IMAGE_POINTS = 440  # the width of the text


def parse_text(source: str) -> tuple[list[Node], set[str]]:
    """Return the nodes of a petition's text, as its page shows it, and the names of the images in it.

    Headings begin at level 1 and skip none, as PDF/UA asks for.
    """
    names: set[str] = set()
    nodes = _blocks(SyntaxTreeNode(text_markdown.parse(source)).children, names)
    _level_headings(nodes)
    return nodes, names


def _level_headings(nodes: list[Node]) -> None:
    used = sorted({node["level"] for node in nodes if node["type"] == "heading"})
    last = 0
    for node in nodes:
        if node["type"] == "heading":
            last = node["level"] = min(used.index(node["level"]) + 1, last + 1)


def _blocks(children: Iterable[SyntaxTreeNode], names: set[str]) -> list[Node]:
    return [node for child in children if (node := _block(child, names)) is not None]


def _block(node: SyntaxTreeNode, names: set[str]) -> Node | None:
    match node.type:
        case "paragraph":
            return {"type": "paragraph", "children": _inline_of(node, names)}
        case "heading":
            children = _inline_of(node, names)
            return {"type": "heading", "level": int(node.tag[1]), "children": children} if children else None
        case "bullet_list" | "ordered_list":
            items = [_within(_blocks(item.children, names)) for item in node.children]
            start = int(node.attrs.get("start", 1))
            return {"type": "list", "ordered": node.type == "ordered_list", "start": start, "items": items}
        case "blockquote":
            return {"type": "quote", "children": _within(_blocks(node.children, names))}
        case "fence" | "code_block":
            return {"type": "code", "text": node.content.removesuffix("\n")}
        case "hr":
            return {"type": "rule"}
        case "table":
            rows = [
                [_inline_of(cell, names) for cell in row.children] for part in node.children for row in part.children
            ]
            return {"type": "table", "columns": len(rows[0]), "header": rows[0], "rows": rows[1:]}
    return None


def _within(nodes: list[Node]) -> list[Node]:
    """Return what is in a quotation or an item with its headings as paragraphs: they are none of the letter's own."""
    for node in nodes:
        if node["type"] == "heading":
            node["type"], node["children"] = "paragraph", [{"type": "strong", "children": node["children"]}]
    return nodes


def _inline_of(node: SyntaxTreeNode, names: set[str]) -> list[Node]:
    return [found for inline in node.children for child in inline.children for found in _inline(child, names)]


def _inline(node: SyntaxTreeNode, names: set[str]) -> list[Node]:
    children = [found for child in node.children for found in _inline(child, names)] if node.type != "image" else []
    match node.type:
        case "text":
            return [{"type": "text", "text": node.content}]
        case "softbreak":
            return [{"type": "text", "text": " "}]
        case "hardbreak":
            return [{"type": "break"}]
        case "code_inline":
            return [{"type": "code", "text": node.content}]
        case "strong" | "em":
            return [{"type": node.type, "children": children}]
        case "link":
            url = str(node.attrs.get("href", ""))
            return [{"type": "link", "url": url, "children": children}] if LINK_PATTERN.match(url) else children
        case "image":
            return _image(node, names)
    return children


def _image(node: SyntaxTreeNode, names: set[str]) -> list[Node]:
    address, alt = str(node.attrs.get("src", "")), " ".join(node.content.split())
    found = IMAGE_PATTERN.fullmatch(address)
    if not found or not alt:
        return []
    name = address.rpartition("/")[2]
    names.add(name)
    width = min(int(found[1]) * 3 // 4, MAX_IMAGE_POINTS)
    return [{"type": "image", "path": f"images/{name}", "alt": alt, "width": width}]
