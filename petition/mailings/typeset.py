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

from petition.delivery import sheet
from petition.delivery.sheet import GAP, Frame, Gaps, Sheet
from petition.mailings.placeholders import LINKS, NAMES, OWN, Mistakes, expand
from petition.mailings.plain import links, to_text, too_deep
from petition.petitions.markdown import to_html

GAPS = Gaps(*NAMES, "email", "agreed_on", "unsubscribe_link")

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
class Words:
    """What was written in one language."""

    language: str
    subject: str
    preheader: str
    body: str


def _gaps(lacking: frozenset[str]) -> dict[str, str]:
    # As an address, so that Markdown and the sanitiser take it for a link.
    marks = {name: GAPS.mark(name, address=name in (*LINKS, "unsubscribe_link")) for name in GAPS.names}
    return {name: "" if name in lacking else mark for name, mark in marks.items()}


def bodies(source: str) -> Iterator[str]:
    """Return a text as it is for each kind of reader, by the details they lack, with gaps for what differs.

    For texts without mistakes in their placeholders.
    """
    used = [name for name in OWN if name in source]
    kinds = (frozenset(lacking) for n in range(len(used) + 1) for lacking in combinations(used, n))
    yield from dict.fromkeys(expand(source, _gaps(lacking)) for lacking in kinds)


def faults(source: str) -> Mistakes:
    """Return what cannot be set of a text without mistakes in its placeholders, each as (line, what to do).

    A placeholder within a link's address is: what a signer typed must neither become an address nor be handed to
    another site.
    """
    deep = {line for body in bodies(source) for line in too_deep(body)}
    if deep:
        return [(line, _("this is nested too deeply: write it more plainly")) for line in sorted(deep)]
    found = {(line, name) for body in bodies(source) for line, address in links(body) if (name := _named_in(address))}
    return [(line, _("{{ %(name)s }} cannot stand in a link’s address: only %(names)s can, at its beginning",
                     name=name, names=", ".join(LINKS))) for line, name in sorted(found)]  # fmt: skip


def _named_in(address: str) -> str | None:
    gaps = [(gap.start(), GAPS.names[int(gap[1] or gap[2])]) for gap in GAP.finditer(address)]
    return next((name for start, name in gaps if start or name not in LINKS), None)


@lru_cache(maxsize=512)
def typeset(kind: str, words: Words, frame: Frame, lacking: frozenset[str] = frozenset()) -> Sheet:
    """Return the sheet for all readers of this language and petition who lack these details."""
    gaps = _gaps(lacking)
    body = expand(words.body, gaps)
    return sheet.typeset(
        GAPS, kind, words.language, petition=frame, subject=expand(words.subject, gaps),
        preheader=expand(words.preheader, gaps), text=to_text(body), letter=_styled(body), email=gaps["email"],
        agreed_on=gaps["agreed_on"], unsubscribe_link=gaps["unsubscribe_link"],
    )  # fmt: skip


def _styled(body: str) -> Markup:
    letter = Markup('<div class="letter">\n{}</div>').format(to_html(body))
    return Markup(css_inline.inline_fragment(str(letter), STYLE))  # noqa: S704 - to_html has sanitised it
