"""A mailing's words made into a subject, a text and an HTML page: once for all readers alike, then filled for each.

Readers are alike who have the same petition and language and lack the same details. What differs between them is left
open as numbered gaps, and filled after Markdown and styles are done: nothing that a signer typed is ever read as
Markdown, HTML or a template.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import css_inline
from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import escape

from petition.mailings.placeholders import LINKS, NAMES, OWN, Mistakes, expand
from petition.mailings.plain import links, to_text, too_deep
from petition.petitions.markdown import to_html

FIELDS = (*NAMES, "email", "agreed_on", "unsubscribe_link")
# Made up anew by each process: whatever anybody writes, by Markdown's and the template's escapes too, it is no gap.
MARK = f"x{secrets.token_hex(4)}"
GAP = re.compile(rf"https://{MARK}(\d+)z\.invalid/?|{MARK}(\d+)z")
Details = Mapping[str, Callable[[], str]]

# The sheet for dark screens and small ones cannot live in attributes: it stays in the head.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


@dataclass(frozen=True)
class Words:
    """What was written in one language."""

    language: str
    subject: str
    preheader: str
    body: str


@dataclass(frozen=True)
class Frame:
    """What stands around the words: the petition, who writes, and which email it is."""

    title: str
    kind: str
    addressee: str
    url: str
    sender_name: str
    email: str = "mailing"


@dataclass(frozen=True)
class Sheet:
    """A mailing for readers alike: literal pieces, and between each two the number of what fills the gap."""

    subject: tuple[str, ...]
    text: tuple[str, ...]
    html: tuple[str, ...]

    def fill(self, details: Details) -> tuple[str, str, str]:
        """Return subject, text and HTML for one reader; only the details that the words use are asked for."""
        known: dict[str, str] = {}

        def value(number: str) -> str:
            name = FIELDS[int(number)]
            if name not in known:
                known[name] = details[name]()
            return known[name]

        return (
            " ".join(_join(self.subject, value).split()),
            _join(self.text, value),
            _join(self.html, lambda number: str(escape(value(number)))),
        )


def _join(pieces: tuple[str, ...], value: Callable[[str], str]) -> str:
    return "".join(value(piece) if position % 2 else piece for position, piece in enumerate(pieces))


def _open(text: str) -> tuple[str, ...]:
    pieces, end = [], 0
    for gap in GAP.finditer(text):
        pieces += [text[end : gap.start()], gap[1] or gap[2]]
        end = gap.end()
    return (*pieces, text[end:])


def _gap(name: str) -> str:
    gap = f"{MARK}{FIELDS.index(name)}z"
    # As an address, so that Markdown and the sanitiser take it for a link.
    return f"https://{gap}.invalid/" if name in LINKS or name == "unsubscribe_link" else gap


def _gaps(lacking: frozenset[str]) -> dict[str, str]:
    return {name: "" if name in lacking else _gap(name) for name in FIELDS}


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
    gaps = [(gap.start(), FIELDS[int(gap[1] or gap[2])]) for gap in GAP.finditer(address)]
    return next((name for start, name in gaps if start or name not in LINKS), None)


@lru_cache(maxsize=512)
def typeset(words: Words, frame: Frame, lacking: frozenset[str] = frozenset()) -> Sheet:
    """Return the sheet for all readers of this language and petition who lack these details."""
    gaps = _gaps(lacking)
    body = expand(words.body, gaps)
    context = {
        "locale": words.language,
        "petition": frame,
        "email": gaps["email"],
        "agreed_on": gaps["agreed_on"],
        "unsubscribe_link": gaps["unsubscribe_link"],
        "preheader": expand(words.preheader, gaps),
    }
    with force_locale(words.language):
        subject = render_template(f"emails/{frame.email}/subject.txt", subject=expand(words.subject, gaps))
        text = render_template(f"emails/{frame.email}/body.txt", body=to_text(body), **context)
        html = render_template(f"emails/{frame.email}/body.html", body=to_html(body), **context)
    return Sheet(
        _open(subject),
        _open(re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"),
        _open(_inliner.inline(html)),
    )
