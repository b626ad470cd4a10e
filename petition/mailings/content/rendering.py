"""A mailing's words made into a subject, a text and an HTML page: once for all readers alike, then filled for each.

Readers are alike who have the same petition and language and lack the same details. What differs between them is left
open as numbered gaps, and filled after Markdown and styles are done: nothing that a signer typed is ever read as
Markdown, HTML or a template.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import css_inline
from flask_babel import gettext as _
from markupsafe import Markup

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

# Written into each element: a mail program may drop a style sheet. What needs a media query is in the template.
STYLE = """
.letter { color: #1c1d1f; }
.letter p, .letter ul, .letter ol { margin: 0 0 18px; color: #1c1d1f; }
.letter ul, .letter ol { padding-left: 24px; }
.letter li { margin: 0 0 6px; }
.letter h2 { margin: 28px 0 12px; font-size: 20px; line-height: 1.3; color: #1c1d1f; }
.letter h3, .letter h4 { margin: 22px 0 10px; font-size: 17px; line-height: 1.3; color: #1c1d1f; }
.letter blockquote { margin: 0 0 18px; padding: 0 0 0 16px; border-left: 3px solid #d5d3ce; }
.letter hr { margin: 28px 0; border: 0; border-top: 1px solid #d5d3ce; }
.letter a { color: #0a5a61; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class MailingContent:
    """What was written in one language."""

    language: str
    subject: str
    preheader: str
    body: str


def _slot_markers(lacking: frozenset[str]) -> dict[str, str]:
    # As an address, so that Markdown and the sanitiser take it for a link.
    marks = {
        name: SLOTS.placeholder(name, address=name in (*LINK_PLACEHOLDERS, "unsubscribe_link")) for name in SLOTS.names
    }
    return {name: "" if name in lacking else mark for name, mark in marks.items()}


def expand_variants(source: str) -> Iterator[str]:
    """Return a text as it is for each kind of reader, by the details they lack, with gaps for what differs.

    For texts without mistakes in their placeholders.
    """
    used = [name for name in SIGNER_PLACEHOLDERS if name in source]
    kinds = (frozenset(lacking) for n in range(len(used) + 1) for lacking in combinations(used, n))
    yield from dict.fromkeys(expand(source, _slot_markers(lacking)) for lacking in kinds)


def validate_links_and_nesting(source: str) -> ParseErrors:
    """Return what cannot be set of a text without mistakes in its placeholders, each as (line, what to do).

    A placeholder within a link's address is: what a signer typed must neither become an address nor be handed to
    another site.
    """
    deep = {line for body in expand_variants(source) for line in find_too_deep_lines(body)}
    if deep:
        return [(line, _("this is nested too deeply: write it more plainly")) for line in sorted(deep)]
    found = {
        (line, name)
        for body in expand_variants(source)
        for line, address in find_links(body)
        if (name := _misplaced_placeholder(address))
    }
    return [(line, _("{{ %(name)s }} cannot stand in a link’s address: only %(names)s can, at its beginning",
                     name=name, names=", ".join(LINK_PLACEHOLDERS))) for line, name in sorted(found)]  # fmt: skip


def _misplaced_placeholder(address: str) -> str | None:
    gaps = [(gap.start(), SLOTS.names[int(gap[1] or gap[2])]) for gap in SLOT_PATTERN.finditer(address)]
    return next((name for start, name in gaps if start or name not in LINK_PLACEHOLDERS), None)


@lru_cache(maxsize=512)
def prepare_mailing(
    kind: str, words: MailingContent, frame: PetitionHeader, lacking: frozenset[str] = frozenset()
) -> PreparedEmail:
    """Return the sheet for all readers of this language and petition who lack these details."""
    gaps = _slot_markers(lacking)
    body = expand(words.body, gaps)
    return templates.prepare_email(
        SLOTS, kind, words.language, petition=frame, subject=expand(words.subject, gaps),
        preheader=expand(words.preheader, gaps), text=to_text(body), letter=_inline_styles(body), email=gaps["email"],
        agreed_on=gaps["agreed_on"], unsubscribe_link=gaps["unsubscribe_link"],
    )  # fmt: skip


def _inline_styles(body: str) -> Markup:
    letter = Markup('<div class="letter">\n{}</div>').format(to_html(body))
    return Markup(css_inline.inline_fragment(str(letter), STYLE))  # noqa: S704 - to_html has sanitised it
