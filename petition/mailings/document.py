"""Read a mailing from a file: YAML front matter, then Markdown with one section per language."""

from typing import Any

from sqlalchemy import select

from petition.core.db import db
from petition.core.errors import Refusal
from petition.mailings.write import Draft
from petition.mailings.write import read as read_form
from petition.petitions.document import SECTION, Document, yaml_of
from petition.petitions.models import Petition

SETTINGS = (
    "name", "petitions", "sender", "reply_to", "timezone", "public", "per_hour", "per_domain_hour", "warm_up",
    "undo_minutes", "failure_limit", "unsubscribe_limit", "party", "languages", "professions", "country", "city",
    "postal_code", "confirmed_from", "confirmed_until", "received", "not_received",
)  # fmt: skip


def read(text: str) -> tuple[Draft | None, list[tuple[int, str]]]:
    """Return the draft that a file describes, or every mistake in it, each as (line, what to do).

    A section begins with `# fr: Subject`; lines that begin with `>` under it are the preview line, the rest the text.
    """
    document, lines = Document(), text.splitlines()
    ends = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if not lines or lines[0].strip() != "---" or ends is None:
        return None, [(1, "start with front matter: a line ---, settings, a line ---")]
    front, at = yaml_of("\n".join(lines[1:ends]), document)
    for key in front:
        if key not in SETTINGS:
            document.mistake(at.get(key, 2), f"{key!r} is not a setting: one of {', '.join(SETTINGS)}")
    form = _form(front, at, document)
    bodies = _sections(lines, ends + 1, form, at)
    draft = None
    try:
        draft = read_form(form)
    except Refusal as refusal:
        for name, advice in refusal.errors.items():
            document.mistake(at.get(name.removesuffix("_name"), bodies or 1), f"{name}: {advice}")
    return (None if document.mistakes else draft), sorted(document.mistakes)


def _form(front: dict[str, Any], at: dict[str, int], document: Document) -> dict[str, Any]:
    """Return the settings as the desk's form has them: petitions by number, everything else as text."""
    form: dict[str, Any] = {}
    for key, value in front.items():
        form["sender_name" if key == "sender" else key] = (
            [str(item) for item in value] if isinstance(value, list) else "" if value is None else str(value)
        )
    slugs = form.get("petitions") or []
    slugs = [slugs] if isinstance(slugs, str) else slugs
    known = {p.slug: p for p in db.session.scalars(select(Petition).where(Petition.slug.in_(slugs)))}
    for slug in slugs:
        if slug not in known:
            document.mistake(at.get("petitions", 1), f"there is no petition {slug!r}")
    form["petitions"] = [known[slug].id for slug in slugs if slug in known]
    if known:
        first = known[next(slug for slug in slugs if slug in known)]
        form = {"sender_name": first.sender_name, "reply_to": first.reply_to or "", "timezone": first.timezone} | form
    return form


def _sections(lines: list[str], start: int, form: dict[str, Any], at: dict[str, int]) -> int:
    """Put each section's words into the form, note where they stand, and return the first one's line."""
    heads = [(n, found) for n in range(start, len(lines)) if (found := SECTION.match(lines[n]))]
    for (line, found), following in zip(heads, [*[n for n, _ in heads[1:]], len(lines)], strict=True):
        content = "\n".join(lines[line + 1 : following]).strip("\n").splitlines()
        first = next((n for n, text in enumerate(content) if text.strip()), 0)
        quoted = next((n for n, text in enumerate(content[first:], first) if not text.startswith(">")), len(content))
        form[f"subject_{found[1]}"] = found[2].strip()
        form[f"preheader_{found[1]}"] = " ".join(text.lstrip("> ").strip() for text in content[first:quoted])
        form[f"body_{found[1]}"] = "\n".join(content[quoted:]).strip()
        at |= {f"{part}_{found[1]}": line + 1 for part in ("subject", "preheader")}
        at[f"body_{found[1]}"] = line + 2
    return heads[0][0] + 1 if heads else start + 1
