"""What a mailing can start from: templates with gaps in brackets, or what a petition's page tells already.

Templates are files of the format of `petition mailings create`.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from flask_babel import force_locale
from flask_babel import gettext as _

from petition.core.front_matter import parse_front_matter_file
from petition.core.i18n import N_
from petition.petitions.updates.models import PetitionUpdate

MAX_NAME_CHARACTERS = 120
FOLDER = Path(__file__).parents[1] / "content" / "starters"
LABELS = {
    "milestone": N_("a goal was reached"),
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


def build_form_of_update(update: PetitionUpdate) -> dict[str, str]:
    """Return the fields of a form that tell an update of a petition, in the languages that it is written in."""
    titles = [text["title"] for text in update.texts.values()]
    form = {"name": next(filter(None, titles), "")[:MAX_NAME_CHARACTERS]}
    for language, text in update.texts.items():
        with force_locale(language):
            parts = [
                _("Hello {{ first_name }},"),
                text["body"],
                _("Source: %(address)s", address=f"<{update.source_url}>") if update.source_url else "",
                _("[The petition’s page]({{ petition_link }})"),
                "{{ sender }}",
            ]
        form |= {f"subject_{language}": text["title"], f"body_{language}": "\n\n".join(filter(None, parts))}
    return form
