"""Read a petition from a file: YAML front matter, then Markdown with one section per language."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from petition.core.i18n import LANGUAGES
from petition.petitions.validation import (
    MAX_CHARACTERS,
    REQUIRED_SETTINGS,
    SETTING_VALIDATORS,
    are_valid_professions,
    is_printable_text,
    is_valid_text,
    validate_settings,
)

SECTION_PATTERN = re.compile(r"^# +([a-z]{2}): *(.*)$")


@dataclass
class Document:
    """A petition as its file describes it, or every mistake found in the file, each as (line, what to do)."""

    fields: dict[str, Any] = field(default_factory=dict)
    texts: list[dict[str, Any]] = field(default_factory=list)
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def mistake(self, line: int, advice: str) -> None:
        """Note a mistake at a line, counted from 1."""
        self.mistakes.append((line, advice))


def parse_document(text: str) -> Document:
    """Return the document, with every mistake and not only the first; `mistakes` is empty when it can be used."""
    document = Document()
    lines = text.splitlines()
    ends = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if not lines or lines[0].strip() != "---" or ends is None:
        document.mistake(1, "start with front matter: a line ---, settings, a line ---")
        return document
    for number, line in enumerate(lines, 1):
        if not is_printable_text(line):
            document.mistake(number, "this line has characters that are not text: remove them")
    front, at = parse_front_matter("\n".join(lines[1:ends]), document)
    _parse_sections(lines, ends + 1, document)
    if front:
        _parse_fields(front, at, document)
        _add_per_language_settings(front, at, document)
    document.mistakes.sort()
    return document


def parse_front_matter(source: str, document: Document) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the front matter's values and the line of each key."""
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        values = yaml.safe_load(source) or {}
    except yaml.MarkedYAMLError as error:
        document.mistake((error.problem_mark.line if error.problem_mark else 0) + 2, f"not YAML: {error.problem}")
        return {}, {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        document.mistake(2, f"not YAML: {(str(error).splitlines() or ['?'])[0]}")
        return {}, {}
    if not isinstance(values, dict) or not values or node is None:
        document.mistake(2, "front matter is a list of `key: value` lines")
        return {}, {}
    at: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in at:
            document.mistake(key.start_mark.line + 2, f"{key.value} stands here a second time: keep one")
        at[key.value] = key.start_mark.line + 2
    return values, at


def _parse_sections(lines: list[str], start: int, document: Document) -> None:
    fenced, heads = False, []
    for number in range(start, len(lines)):
        fenced ^= lines[number].startswith(("```", "~~~"))
        if not fenced and (found := SECTION_PATTERN.match(lines[number])):
            heads.append((number, found))
    if not heads:
        document.mistake(start + 1, "add a section per language, each under a line such as `# fr: Title`")
        return
    for (line, found), following in zip(heads, [*[n for n, _ in heads[1:]], len(lines)], strict=True):
        _parse_section(found[1], found[2].strip(), line + 1, lines[line + 1 : following], document)
    for number in range(start, heads[0][0]):
        if lines[number].strip():
            document.mistake(number + 1, "this text is in no language: move it below a line such as `# fr: Title`")
            break


def _parse_section(language: str, title: str, line: int, lines: list[str], document: Document) -> None:
    if language not in LANGUAGES:
        document.mistake(line, f"{language!r} is not a language here: one of {', '.join(LANGUAGES)}")
    if any(text["language"] == language for text in document.texts):
        document.mistake(line, f"a second section in {language!r}: keep one")
    if not is_valid_text("title", title):
        document.mistake(line, "give the title, up to 200 characters, after the language: `# fr: Title`")
    content = "\n".join(lines).strip().splitlines()
    quoted = next((n for n, text in enumerate(content) if not text.startswith(">")), len(content))
    summary = " ".join(text.lstrip("> ").strip() for text in content[:quoted]).strip()
    body = "\n".join(content[quoted:]).strip()
    if not is_valid_text("summary", summary):
        document.mistake(line + 1, "start the section with a summary of up to 600 characters: lines that begin with >")
    if not is_valid_text("body", body):
        document.mistake(line + 1, f"the section needs a text, of up to {MAX_CHARACTERS['body']:,} characters")
    document.texts.append({"language": language, "title": title, "summary": summary, "body": body})


def _parse_fields(front: dict[str, Any], at: dict[str, int], document: Document) -> None:
    for key in REQUIRED_SETTINGS:
        if key not in front:
            document.mistake(1, f"{key} is missing")
    for key in front:
        if key not in SETTING_VALIDATORS:
            document.mistake(at.get(key, 2), f"{key!r} is not a setting: one of {', '.join(SETTING_VALIDATORS)}")
    document.fields, wrong = validate_settings(front)
    for key, advice in wrong.items():
        document.mistake(at.get(key, 2), f"{key} {advice}")
    languages = [text["language"] for text in document.texts]
    default = document.fields.get("default_language")
    if languages and default and default not in languages:
        document.mistake(at.get("default_language", 2), f"there is no section in {default!r}, the default language")


def _add_per_language_settings(front: dict[str, Any], at: dict[str, int], document: Document) -> None:
    """Give each language's text its addressee and its suggested professions."""
    for text in document.texts:
        language = text["language"]
        addressee, professions = front.get("addressee"), front.get("professions") or {}
        if isinstance(addressee, dict):
            addressee = addressee.get(language)
        if isinstance(professions, dict):
            professions = professions.get(language) or []
        if "addressee" in front and not is_valid_text("addressee", addressee):
            document.mistake(at["addressee"], f"addressee needs a text of up to 200 characters for {language!r}")
        if not are_valid_professions(professions):
            document.mistake(at["professions"], f"professions needs a list of texts for {language!r}")
        text.update(addressee=addressee, professions=professions)
