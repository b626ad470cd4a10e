"""Read a legal notice from a file: YAML front matter, then the privacy notice as a Markdown section per language."""

from typing import Any

from petition.core.exceptions import ValidationError
from petition.core.front_matter import InvalidFile, parse_front_matter_file
from petition.core.i18n import LANGUAGES
from petition.petitions.legal.imprint import FIELDS, MAX_CHARACTERS, parse_values

SETTINGS = (*MAX_CHARACTERS, "legal")


def parse_notice(text: str) -> dict[str, str]:
    """Return the values of the form that a file describes. Raises `InvalidFile` with every error and its line.

    Settings are `publisher`, `address`, `contact`, `director`, `host`, and `legal` by language for what else the notice
    says. A section under `# fr: Title` is the privacy notice in that language; its title is for whoever reads the file.
    """
    file = parse_front_matter_file(text)
    values = dict.fromkeys(FIELDS, "")
    if file.settings:
        file.require_known_settings(SETTINGS)
        values |= {name: str(file.settings[name]).strip() for name in MAX_CHARACTERS if file.settings.get(name)}
        values |= _read_legal(file.settings.get("legal"))
        lines = {name: file.line_of(name) for name in MAX_CHARACTERS}
        for section in file.sections:
            values[f"{section.language}.privacy"] = section.body.strip()
            lines |= {
                f"{section.language}.privacy": section.body_line,
                f"{section.language}.legal": file.line_of("legal"),
            }
        try:
            parse_values(values)
        except ValidationError as error:
            file.add_field_errors(error.errors, lines)
    if file.problems:
        raise InvalidFile(file.problems)
    return values


def _read_legal(legal: Any) -> dict[str, str]:
    if not isinstance(legal, dict):
        return {}
    return {f"{language}.legal": str(legal[language]).strip() for language in LANGUAGES if legal.get(language)}
