"""Prepared emails: templates rendered once for many recipients, with slots that are filled for each.

Language, templates and styles are worked through once for thousands of emails: before that they were a third of a
worker's time (docs/decisions/0026). What a recipient typed only ever fills a slot: it is never read as a template, as
Markdown or as HTML.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Flask, render_template
from flask_babel import force_locale
from markupsafe import escape

MAX_LINE_CHARACTERS = 74
# Random in each process, so that no text that anybody writes, even by escapes of Markdown or a template, is a slot.
SLOT_MARKER = f"x{secrets.token_hex(4)}"
SLOT_PATTERN = re.compile(rf"https://{SLOT_MARKER}(\d+)z\.invalid/?|{SLOT_MARKER}(\d+)z")
WRAPPED_PATTERN = re.compile(rf"{SLOT_MARKER}\[(.*?)\]{SLOT_MARKER}", re.DOTALL)

SlotValues = Mapping[str, Callable[[], str]]


class Literal(NamedTuple):
    """Text that is the same for all recipients."""

    text: str


class Slot(NamedTuple):
    """A place for a value that differs between recipients."""

    name: str


class WrappedParagraph(NamedTuple):
    """A paragraph with slots, to be wrapped once they are filled."""

    segments: "tuple[Literal | Slot, ...]"


Segments = tuple[Literal | Slot, ...]


class Slots:
    """The names of the values that differ between recipients of one kind of email."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def placeholder(self, name: str, *, address: bool = False) -> str:
        """Return what stands for a value while a template is rendered; `address`: in the form of a URL."""
        marker = f"{SLOT_MARKER}{self.names.index(name)}z"
        return f"https://{marker}.invalid/" if address else marker

    def split(self, text: str) -> Segments:
        """Return a rendered text as literals and slots."""
        return tuple(self._segments(text))

    def split_paragraphs(self, text: str) -> tuple[Literal | Slot | WrappedParagraph, ...]:
        """Return a rendered text as literals, slots, and the paragraphs that the `wrapped` filter marked."""
        segments: list[Literal | Slot | WrappedParagraph] = []
        end = 0
        for paragraph in WRAPPED_PATTERN.finditer(text):
            segments += [*self._segments(text[end : paragraph.start()]), WrappedParagraph(self.split(paragraph[1]))]
            end = paragraph.end()
        return (*segments, *self._segments(text[end:]))

    def _segments(self, text: str) -> Iterator[Literal | Slot]:
        end = 0
        for marker in SLOT_PATTERN.finditer(text):
            if marker.start() > end:
                yield Literal(text[end : marker.start()])
            yield Slot(self.names[int(marker[1] or marker[2])])
            end = marker.end()
        if end < len(text):
            yield Literal(text[end:])


@dataclass(frozen=True)
class PetitionHeader:
    """What the layout of an email shows of its petition and its sender."""

    title: str
    kind: str
    addressee: str
    url: str
    sender_name: str
    language: str = ""  # of the title and the addressee


@dataclass(frozen=True)
class PreparedEmail:
    """An email that is rendered but for its slots."""

    subject: Segments
    text: tuple[Literal | Slot | WrappedParagraph, ...]
    html: Segments

    def fill(self, values: SlotValues) -> tuple[str, str, str]:
        """Return subject, text and HTML for one recipient; only values of slots in use are asked for, once each."""
        known: dict[str, str] = {}

        def value(name: str) -> str:
            if name not in known:
                known[name] = values[name]()
            return known[name]

        return (
            " ".join(_fill(self.subject, value).split()),
            _fill_text(self.text, value),
            _fill(self.html, lambda name: str(escape(value(name)))),
        )


def _fill(segments: Segments, value: Callable[[str], str]) -> str:
    return "".join([segment.text if isinstance(segment, Literal) else value(segment.name) for segment in segments])


def _fill_text(segments: tuple[Literal | Slot | WrappedParagraph, ...], value: Callable[[str], str]) -> str:
    pieces = []
    for segment in segments:
        if isinstance(segment, Literal):
            pieces.append(segment.text)
        elif isinstance(segment, Slot):
            pieces.append(value(segment.name))
        else:
            pieces.append(wrap_paragraph(_fill(segment.segments, value)))
    return "".join(pieces)


def prepare_email(slots: Slots, name: str, locale: str, **context: Any) -> PreparedEmail:
    """Render the email `name` from its three templates, in a language; the context contains the slots' placeholders."""
    with force_locale(locale):
        subject = render_template(f"emails/{name}/subject.txt", locale=locale, **context)
        text = render_template(f"emails/{name}/body.txt", locale=locale, **context)
        html = render_template(f"emails/{name}/body.html", locale=locale, **context)
    text = re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
    return PreparedEmail(slots.split(subject), slots.split_paragraphs(text), slots.split(f"{html}\n"))


def wrap_paragraph(paragraph: str) -> str:
    """Wrap a paragraph at `MAX_LINE_CHARACTERS`, only at spaces and line breaks: not within a word or a no-break space.

    Runs for each email, where `textwrap` takes 49 us a paragraph, Jinja's `wordwrap` 33, and the whole email 250.
    """
    lines, line = [], ""
    for word in filter(None, paragraph.replace("\n", " ").split(" ")):
        if line and len(line) + 1 + len(word) > MAX_LINE_CHARACTERS:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def init_app(app: Flask) -> None:
    """Add the template filter `wrapped`, for paragraphs of plain text."""

    @app.template_filter("wrapped")
    def wrapped(text: str) -> str:
        if SLOT_PATTERN.search(text):
            return f"{SLOT_MARKER}[{text}]{SLOT_MARKER}"
        return wrap_paragraph(text)
