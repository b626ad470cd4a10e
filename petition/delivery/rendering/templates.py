"""An email written once for all readers alike, with gaps where they differ, and filled for each.

Languages, templates and styles are worked through once for thousands of emails. What a reader typed only ever fills a
gap: it is never read as a template, as Markdown or as HTML.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, render_template
from flask_babel import force_locale
from jinja2.filters import do_wordwrap
from markupsafe import escape

MAX_LINE_CHARACTERS = 74
# Made up anew by each process: whatever anybody writes, by Markdown's and the template's escapes too, it is no gap.
SLOT_MARKER = f"x{secrets.token_hex(4)}"
SLOT_PATTERN = re.compile(rf"https://{SLOT_MARKER}(\d+)z\.invalid/?|{SLOT_MARKER}(\d+)z")
# A paragraph with a gap is wrapped once it is filled.
WRAP_AFTER_FILL_PATTERN = re.compile(rf"{SLOT_MARKER}\[(.*?)\]{SLOT_MARKER}", re.DOTALL)

SlotValues = Mapping[str, Callable[[], str]]
# Literal text, and between each two the name of what fills the gap.
Segments = tuple[str, ...]


class Slots:
    """What differs between the readers of one kind of email, by name."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def placeholder(self, name: str, *, address: bool = False) -> str:
        """Return what stands for a detail while a template is worked through; as an address where it is one."""
        found = f"{SLOT_MARKER}{self.names.index(name)}z"
        return f"https://{found}.invalid/" if address else found

    def split(self, text: str) -> Segments:
        """Return a text in pieces, with the gaps that its marks stand for."""
        pieces, end = [], 0
        for gap in SLOT_PATTERN.finditer(text):
            pieces += [text[end : gap.start()], self.names[int(gap[1] or gap[2])]]
            end = gap.end()
        return (*pieces, text[end:])


@dataclass(frozen=True)
class PetitionHeader:
    """What stands around an email's words: the petition, and who writes."""

    title: str
    kind: str
    addressee: str
    url: str
    sender_name: str


@dataclass(frozen=True)
class PreparedEmail:
    """An email for readers alike; every second piece of the text is a paragraph to be wrapped."""

    subject: Segments
    text: tuple[Segments, ...]
    html: Segments

    def fill(self, details: SlotValues) -> tuple[str, str, str]:
        """Return subject, text and HTML for one reader; only the details that the words use are asked for."""
        known: dict[str, str] = {}

        def value(name: str) -> str:
            if name not in known:
                known[name] = details[name]()
            return known[name]

        text = (_join(pieces, value) for pieces in self.text)
        return (
            " ".join(_join(self.subject, value).split()),
            "".join(_wrap(piece) if position % 2 else piece for position, piece in enumerate(text)),
            _join(self.html, lambda name: str(escape(value(name)))),
        )


def prepare_email(gaps: Slots, name: str, locale: str, **context: Any) -> PreparedEmail:
    """Return the email `name` from its three templates, in a language, with the gaps that are marked in the context."""
    with force_locale(locale):
        subject = render_template(f"emails/{name}/subject.txt", locale=locale, **context)
        text = render_template(f"emails/{name}/body.txt", locale=locale, **context)
        html = render_template(f"emails/{name}/body.html", locale=locale, **context)
    text = re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
    return PreparedEmail(
        gaps.split(subject),
        tuple(gaps.split(piece) for piece in WRAP_AFTER_FILL_PATTERN.split(text)),
        gaps.split(f"{html}\n"),
    )


def _join(pieces: Segments, value: Callable[[str], str]) -> str:
    return "".join(value(piece) if position % 2 else piece for position, piece in enumerate(pieces))


def _wrap(paragraph: str) -> str:
    lines, line = [], ""
    for word in paragraph.split():
        if line and len(line) + 1 + len(word) > MAX_LINE_CHARACTERS:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def init_app(app: Flask) -> None:
    """Give the templates of emails their lines of at most `WIDTH` characters; a word is never broken."""

    @app.template_filter("wrapped")
    def wrapped(text: str) -> str:
        if SLOT_PATTERN.search(text):
            return f"{SLOT_MARKER}[{text}]{SLOT_MARKER}"
        return do_wordwrap(app.jinja_env, text, MAX_LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False)
