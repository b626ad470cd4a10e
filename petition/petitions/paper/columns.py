"""Find the line of a file that names its columns, and what each column is."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from flask import has_app_context
from flask_babel import force_locale
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.petitions.paper.errors import PaperFileError, PaperFileErrorCode
from petition.petitions.paper.records import split_records

DELIMITERS = ",;\t|"
SEPARATOR_PATTERN = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)  # what Excel writes before the first line
MAX_LINES_BEFORE_HEADING = 20
# Headings of each column as people write them, without accents, in lower case, and without what is in brackets. What
# the site itself calls these fields is understood in each of its languages.
HEADINGS = {
    "full_name": {
        "full_name", "nom_complet", "nom_et_prenom", "prenom_et_nom", "nom_prenom", "prenom_nom", "noms_et_prenoms",
        "prenoms_et_noms", "signataire", "signatory", "first_and_last_name", "name_and_surname",
        "nombre_completo", "nombre_y_apellido", "nombre_y_apellidos", "apellidos_y_nombre", "firmante",
    },
    "last_name": {"last_name", "lastname", "last", "surname", "family_name", "nom_de_famille", "nom_d_usage",
                  "apellido", "apellidos"},
    "first_name": {"first_name", "firstname", "first", "given_name", "given_names", "forename", "prenom", "prenoms",
                   "nombre_de_pila"},
    "profession": {
        "profession", "role", "occupation", "job", "metier", "fonction", "profession_ou_role", "profession_role",
        "profession_fonction", "profession_or_role", "metier_fonction", "qualite",
        "profesion", "cargo", "ocupacion", "profesion_o_cargo",
    },
    "city": {"city", "town", "place", "ville", "commune", "ville_commune", "ville_de_residence", "localite",
             "ciudad", "localidad", "municipio", "poblacion"},
    "postal_code": {"postal_code", "postcode", "zip", "zip_code", "code_postal", "cp", "npa", "codigo_postal"},
    "signed_on": {
        "signed_on", "date", "signed", "date_signed", "signe_le", "date_de_signature", "date_signature",
        "date_de_la_signature", "signature_date", "fecha", "fecha_de_firma", "firmado_el",
    },
    "submitted_at": {"timestamp", "horodateur", "horodatage", "submitted_at", "date_et_heure", "date_and_time",
                     "marca_temporal", "fecha_y_hora"},
    "reference": {"reference", "ref", "sheet", "feuille", "page", "liasse", "referencia", "hoja", "pagina"},
}  # fmt: skip
FIELDS = tuple(name for name in HEADINGS if name != "submitted_at")
NAME_FIELDS = {"full_name", "last_name"}  # one of which every file needs
# Of a family where first names have a column, else whole names.
NAME_HEADINGS = {"name", "names", "nom", "noms"}
# The first name where family names have a column, else whole names.
GIVEN_NAME_HEADINGS = {"nombre", "nombres"}


@dataclass
class Heading:
    """The line that names the columns: the field of each, None for those that are not used."""

    columns: list[str | None]
    delimiter: str
    end: int  # the index of the line after it
    titles: list[str] = field(default_factory=list)  # as they are written
    unused: list[tuple[int, str, str]] = field(default_factory=list)  # problems: titles, columns that are not used


def find_heading(lines: Sequence[str], delimiters: str = DELIMITERS) -> Heading:
    """Return the heading, which empty lines, `sep=;` and a title may precede. Raises `PaperFileError` without one."""
    titles = list[tuple[int, str, str]]()
    for index, line in enumerate(lines[:MAX_LINES_BEFORE_HEADING]):
        if separator := SEPARATOR_PATTERN.fullmatch(line.strip()):
            delimiters = separator[1]
            continue
        found = [heading for delimiter in delimiters if (heading := _read_heading(lines, index, delimiter))]
        if found:
            best = max(found, key=lambda heading: sum(name is not None for name in heading.columns))
            best.unused = titles + best.unused
            return best
        if text := line.strip(' \t,;|"'):
            titles.append((index + 1, "title", text[:60]))
    raise PaperFileError(PaperFileErrorCode.NO_NAMES)


def _read_heading(lines: Sequence[str], index: int, delimiter: str) -> Heading | None:
    line, cells, end = next(split_records(lines, index, delimiter))
    if not cells:
        return None
    columns = _map_columns([_simplify(cell) for cell in cells])
    if not NAME_FIELDS & set(columns):
        return None
    unused = [
        (line, "column", " ".join(cell.split())[:60])
        for cell, column in zip(cells, columns, strict=True)
        if column is None and cell.strip()
    ]
    return Heading(columns, delimiter, end, [" ".join(cell.split())[:60] for cell in cells], unused)


def _simplify(cell: str) -> str:
    # Nothing between two brackets is read twice: a file of opening brackets takes no longer than another.
    plain = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", cell)
    decomposed = unicodedata.normalize("NFKD", plain.replace("’", " ")).casefold()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[\W\d_]+", "_", letters).strip("_")


@cache
def _list_labels() -> dict[str, str]:
    """Return the field of each heading that is the site's own word for it, in one of its languages."""
    labels: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            for name, label in (
                ("full_name", _("Whole name")), ("last_name", _("Last name")), ("first_name", _("First name")),
                ("profession", _("Profession or role")), ("city", _("City")), ("city", _("Town")),
                ("postal_code", _("Postal code")), ("signed_on", _("Date")), ("reference", _("Reference")),
            ):  # fmt: skip
                labels.setdefault(_simplify(label), name)
    return labels


def _map_columns(headings: Sequence[str]) -> list[str | None]:
    labels = _list_labels() if has_app_context() else {}
    fields = labels | {heading: name for name, known in HEADINGS.items() for heading in known}
    has_last_name = any(heading in HEADINGS["last_name"] for heading in headings)
    fields |= dict.fromkeys(NAME_HEADINGS, "full_name" if has_last_name else "last_name")
    fields |= dict.fromkeys(GIVEN_NAME_HEADINGS, "first_name" if has_last_name else "last_name")
    columns: list[str | None] = []
    for heading in headings:
        column = fields.get(heading)
        columns.append(column if column not in columns else None)
    if "submitted_at" in columns:
        # When a form was sent stands for the date, unless that has a column of its own.
        moment = columns.index("submitted_at")
        columns[moment] = None if "signed_on" in columns else "signed_on"
    return columns
