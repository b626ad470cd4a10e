"""Templates that a mailing can start from: files of the format of `petition mailings create`, with gaps in brackets."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask_babel import gettext as _

from petition.core.front_matter import parse_front_matter_file
from petition.core.i18n import N_

FOLDER = Path(__file__).parent / "content" / "starters"
LABELS = {
    "milestone": N_("a milestone was reached"),
    "closing_soon": N_("it closes soon"),
    "handed_over": N_("it was handed over"),
    "answer": N_("there is an answer"),
}


class Starter(NamedTuple):
    """A template and its label in the reader's language."""

    name: str
    label: str


def list_starters() -> list[Starter]:
    """Return the templates, in the order of a campaign."""
    return [Starter(name, _(label)) for name, label in LABELS.items()]


@cache
def find_starter(name: str) -> dict[str, str]:
    """Return the fields of the form that a template fills; none if there is no such template."""
    if name not in LABELS:
        return {}
    file = parse_front_matter_file((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    form: dict[str, str] = {}
    for section in file.sections:
        form |= {
            f"subject_{section.language}": section.title,
            f"preheader_{section.language}": section.summary,
            f"body_{section.language}": section.body,
        }
    return form
