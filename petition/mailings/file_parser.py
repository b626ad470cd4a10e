"""Read a mailing from a file: YAML front matter, then Markdown with one section per language."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.i18n import LANGUAGES
from petition.mailings.drafts import Draft, validate_body
from petition.mailings.drafts import parse_draft as read_form
from petition.petitions.file_parser import SECTION_PATTERN, Document, parse_front_matter
from petition.petitions.models import Petition
from petition.petitions.validation import is_printable_line

FRONT_MATTER_KEYS = (
    "name", "petitions", "sender", "reply_to", "timezone", "public", "per_hour", "per_domain_hour", "warm_up",
    "undo_minutes", "failure_limit", "unsubscribe_limit", "party", "languages", "professions", "country", "city",
    "postal_code", "confirmed_from", "confirmed_until", "received", "not_received",
)  # fmt: skip


def parse_mailing(text: str) -> tuple[Draft | None, list[tuple[int, str]]]:
    """Return the draft that a file describes, or every mistake in it, each as (line, what to do).

    A section begins with `# fr: Subject`; lines that begin with `>` under it are the preview line, the rest the text.
    """
    document, lines = Document(), text.splitlines()
    ends = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if not lines or lines[0].strip() != "---" or ends is None:
        return None, [(1, "start with front matter: a line ---, settings, a line ---")]
    front, at = parse_front_matter("\n".join(lines[1:ends]), document)
    for key in front:
        if key not in FRONT_MATTER_KEYS:
            document.mistake(at.get(key, 2), f"{key!r} is not a setting: one of {', '.join(FRONT_MATTER_KEYS)}")
    form = _build_form(front, at, document)
    bodies = _parse_sections(lines, ends + 1, form, at, document)
    told = _check_placeholders(form, at, document)
    draft = None
    try:
        draft = read_form(form)
    except DomainError as refusal:
        for name, advice in refusal.errors.items():
            if name not in told:
                document.mistake(at.get(name.removesuffix("_name"), bodies), f"{name}: {advice}")
    return (None if document.mistakes else draft), sorted(document.mistakes)


def _build_form(front: dict[str, Any], at: dict[str, int], document: Document) -> dict[str, Any]:
    """Return the settings as the desk's form has them: petitions by number, everything else as text."""
    form: dict[str, Any] = {}
    for key, value in front.items():
        form["sender_name" if key == "sender" else key] = (
            [str(item) for item in value] if isinstance(value, list) else "" if value is None else str(value)
        )
    slugs = form.get("petitions") or []
    slugs = [slugs] if isinstance(slugs, str) else slugs
    sound = [slug for slug in slugs if is_printable_line(slug)]
    known = {p.slug: p for p in db.session.scalars(select(Petition).where(Petition.slug.in_(sound)))}
    for slug in slugs:
        if slug not in known:
            document.mistake(at.get("petitions", 1), f"there is no petition {slug!r}")
    form["petitions"] = [known[slug].id for slug in slugs if slug in known]
    if known:
        first = known[next(slug for slug in slugs if slug in known)]
        form = {"sender_name": first.sender_name, "reply_to": first.reply_to or "", "timezone": first.timezone} | form
    return form


def _parse_sections(lines: list[str], start: int, form: dict[str, Any], at: dict[str, int], document: Document) -> int:
    """Put each section's words into the form, note where they stand, and return the first one's line."""
    heads = list(_find_headings(lines, start))
    if not heads:
        return start + 1
    before = next((n for n in range(start, heads[0][0]) if lines[n].strip()), None)
    if before is not None:
        document.mistake(before + 1, "this text is in no language: move it below a line such as `# fr: Subject`")
    for (line, found), following in zip(heads, [*[n for n, _ in heads[1:]], len(lines)], strict=True):
        language, subject = found[1], found[2].strip()
        if language not in LANGUAGES:
            document.mistake(line + 1, f"{language!r} is not a language here: one of {', '.join(LANGUAGES)}")
        if f"subject_{language}" in form:
            document.mistake(line + 1, f"a second section in {language!r}: keep one")
        first = _first_nonblank_line(lines, line + 1, following)
        quoted = next((n for n in range(first, following) if not lines[n].startswith(">")), following)
        body = _first_nonblank_line(lines, quoted, following)
        form[f"subject_{language}"] = subject
        form[f"preheader_{language}"] = " ".join(text.lstrip("> ").strip() for text in lines[first:body]).strip()
        form[f"body_{language}"] = "\n".join(lines[body:following]).rstrip()
        at |= {f"subject_{language}": line + 1, f"preheader_{language}": min(first, following - 1) + 1}
        at[f"body_{language}"] = min(body, following - 1) + 1
    return heads[0][0] + 1


def _find_headings(lines: list[str], start: int) -> Iterator[tuple[int, re.Match[str]]]:
    fenced = False
    for number in range(start, len(lines)):
        fenced ^= lines[number].startswith(("```", "~~~"))
        if not fenced and (found := SECTION_PATTERN.match(lines[number])):
            yield number, found


def _first_nonblank_line(lines: list[str], start: int, end: int) -> int:
    return next((n for n in range(start, end) if lines[n].strip()), end)


def _check_placeholders(form: dict[str, Any], at: dict[str, int], document: Document) -> set[str]:
    """Note what is wrong between braces, each on its own line of the file; returns the fields that are wrong."""
    wrong = set()
    for language in LANGUAGES:
        name = f"body_{language}"
        for line, advice in validate_body(form.get(name, "")):
            wrong.add(name)
            document.mistake(at[name] + line - 1, advice)
    return wrong
