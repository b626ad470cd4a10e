"""Render a mailing to subject, text and HTML: prepared once for all recipients alike, then filled for each.

Recipients are alike who have the same petition and language and left the same fields empty. What differs between them
is a numbered slot, filled after Markdown and styles are rendered: nothing that a signer typed is ever parsed as
Markdown, HTML or a template.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import css_inline
from flask_babel import gettext as _
from markupsafe import Markup

from petition.core.languages.languages import text_direction
from petition.delivery.rendering import templates
from petition.delivery.rendering.templates import SLOT_PATTERN, PetitionHeader, PreparedEmail, Slots
from petition.mailings.content.markdown_to_text import find_links, find_too_deep_lines, to_text
from petition.mailings.content.placeholders import (
    LINK_PLACEHOLDERS,
    PLACEHOLDERS,
    SIGNER_PLACEHOLDERS,
    ParseErrors,
    expand,
)
from petition.petitions.markdown import to_html

SLOTS = Slots(*PLACEHOLDERS, "email", "agreed_on", "unsubscribe_link")

# Inlined into each element, as mail programs may drop stylesheets. Media queries are in the template.
STYLE = """
.letter { color: #1c1d1f; overflow-wrap: anywhere; }
.letter p, .letter ul, .letter ol { margin: 0 0 18px; color: #1c1d1f; }
.letter ul, .letter ol { padding-left: 24px; }
.letter li { margin: 0 0 6px; }
.letter h2 { margin: 28px 0 12px; font-size: 20px; line-height: 1.3; color: #1c1d1f; }
.letter h3, .letter h4 { margin: 22px 0 10px; font-size: 17px; line-height: 1.3; color: #1c1d1f; }
.letter blockquote { margin: 0 0 18px; padding: 0 0 0 16px; border-left: 3px solid #d5d3ce; }
.letter hr { margin: 28px 0; border: 0; border-top: 1px solid #d5d3ce; }
.letter a { color: #0a5a61; overflow-wrap: anywhere; }
"""
RIGHT_TO_LEFT_STYLE = STYLE.replace("padding-left", "padding-right").replace(
    "padding: 0 0 0 16px; border-left", "padding: 0 16px 0 0; border-right"
)


@dataclass(frozen=True)
class MailingContent:
    """The text of a mailing in one language."""

    language: str
    subject: str
    preheader: str
    body: str
    of_partner: bool = False  # whether it says that its reader agreed to a partner's news


def _slot_markers(lacking: frozenset[str]) -> dict[str, str]:
    # A slot for a URL looks like a URL, so that Markdown and the sanitiser accept it as the target of a link.
    marks = {
        name: SLOTS.placeholder(name, address=name in (*LINK_PLACEHOLDERS, "unsubscribe_link")) for name in SLOTS.names
    }
    return {name: "" if name in lacking else mark for name, mark in marks.items()}


def expand_variants(source: str) -> Iterator[str]:
    """Return every variant of a text, by the fields that a signer may have left empty, with slots for the others.

    For texts with valid placeholders.
    """
    used = [name for name in SIGNER_PLACEHOLDERS if name in source]
    variants = (frozenset(lacking) for n in range(len(used) + 1) for lacking in combinations(used, n))
    yield from dict.fromkeys(expand(source, _slot_markers(lacking)) for lacking in variants)


def validate_links_and_nesting(source: str) -> ParseErrors:
    """Return what is wrong with the links and nesting of a text with valid placeholders, each as (line, what to do).

    A placeholder in a link is an error: what a signer typed must neither become a URL nor be sent to another site.
    """
    deep = {line for body in expand_variants(source) for line in find_too_deep_lines(body)}
    if deep:
        return [(line, _("this is nested too deeply: simplify it")) for line in sorted(deep)]
    found = {
        (line, name)
        for body in expand_variants(source)
        for line, address in find_links(body)
        if (name := _misplaced_placeholder(address))
    }
    return [(line, _("{{ %(name)s }} is not possible in a link’s address: only %(names)s are, at its beginning",
                     name=name, names=", ".join(LINK_PLACEHOLDERS))) for line, name in sorted(found)]  # fmt: skip


def _misplaced_placeholder(address: str) -> str | None:
    slots = [(slot.start(), SLOTS.names[int(slot[1] or slot[2])]) for slot in SLOT_PATTERN.finditer(address)]
    return next((name for start, name in slots if start or name not in LINK_PLACEHOLDERS), None)


@lru_cache(maxsize=512)
def prepare_mailing(
    kind: str, content: MailingContent, petition: PetitionHeader, lacking: frozenset[str] = frozenset()
) -> PreparedEmail:
    """Return the prepared email for recipients of this language and petition who left these fields empty."""
    markers = _slot_markers(lacking)
    body = expand(content.body, markers)
    return templates.prepare_email(
        SLOTS, kind, content.language, petition=petition, subject=expand(content.subject, markers),
        preheader=expand(content.preheader, markers), body_text=to_text(body),
        body_html=_inline_styles(body, content.language),
        email=markers["email"], agreed_on=markers["agreed_on"], unsubscribe_link=markers["unsubscribe_link"],
        of_partner=content.of_partner,
    )  # fmt: skip


def _inline_styles(body: str, language: str) -> Markup:
    # Mail programs know no logical properties, such as `padding-inline-start`.
    style = STYLE if text_direction(language) == "ltr" else RIGHT_TO_LEFT_STYLE
    html = Markup('<div class="letter">\n{}</div>').format(to_html(body))
    return Markup(css_inline.inline_fragment(str(html), style))  # noqa: S704 - to_html has sanitised it
