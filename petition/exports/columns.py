"""The columns of an export: what each holds, and its heading and values in the reader's language."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from babel.dates import get_date_format
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import case, or_

from petition.core.languages.language_codes import SOURCE_LANGUAGE
from petition.petitions.models import Petition
from petition.signatures.labels import named_when_label, party_label, signature_field_label, signature_state_label
from petition.signatures.models import NAMED_WHEN, PARTIES, STATES, Signature, SignatureState


def _unless_kept_back(column: Any) -> Any:
    # Disowned: kept for a time so that the team can put the signature back; nobody gets them meanwhile. Withheld: in no
    # file until enough have signed, also where the team sees them on its pages, as a file is passed on.
    kept_back = or_(Signature.state == SignatureState.DISOWNED, Signature.withheld_name.is_not(None))
    return case((kept_back, None), else_=column)


COLUMNS: dict[str, Any] = {
    "id": Signature.id, "petition": Petition.slug, "party": Signature.party,
    "name": _unless_kept_back(Signature.name), "organisation": _unless_kept_back(Signature.organisation),
    "email": _unless_kept_back(Signature.email), "profession": _unless_kept_back(Signature.profession),
    "city": _unless_kept_back(Signature.city), "postal_code": _unless_kept_back(Signature.postal_code),
    "country": _unless_kept_back(Signature.country), "state": Signature.state, "listed": Signature.listed,
    "updates": Signature.updates, "updates_at": Signature.updates_at, "locale": Signature.locale,
    "source": Signature.source, "created_at": Signature.created_at, "confirmed_at": Signature.confirmed_at,
    "ended_at": Signature.ended_at, "named_when": Signature.named_when,
}  # fmt: skip
# Enough for the list of signatories that is handed over; addresses are exported only when chosen.
DEFAULT_COLUMNS = (
    "petition", "party", "name", "organisation", "profession", "city", "country", "state", "confirmed_at",
)  # fmt: skip
TIME_COLUMNS = ("updates_at", "created_at", "confirmed_at", "ended_at")
# English is the language of programs as well, and of countries that differ in it.
ISO_FORMATS = "%Y-%m-%d %H:%M:%S", "yyyy-mm-dd hh:mm:ss"


@cache
def time_formats(language: str) -> tuple[str, str]:
    """Return what a spreadsheet of a language reads as a time, as strftime and as a number format of Excel.

    The order and the signs of the language's short date (Unicode CLDR), with digits in full: 31/12/2026 23:59:59.
    """
    if language == SOURCE_LANGUAGE:
        return ISO_FORMATS
    pattern = re.sub("[^dMy/.-]", "", get_date_format("short", language).pattern)
    parts = re.sub("d+", "%d", re.sub("M+", "%m", re.sub("y+", "%Y", pattern))).rstrip(".")
    cells = parts.replace("%d", "dd").replace("%m", "mm").replace("%Y", "yyyy")
    return f"{parts} %H:%M:%S", f"{cells} hh:mm:ss"


def list_headings(columns: Sequence[str], language: str) -> list[str]:
    """Return the headings of columns; that of a time says that it is in UTC."""
    with force_locale(language):
        labels = [(name, signature_field_label(name)) for name in columns]
        return [_("%(label)s (UTC)", label=label) if name in TIME_COLUMNS else label for name, label in labels]


def get_translators(columns: Sequence[str], language: str) -> list[Callable[[Any], Any]]:
    """Return for each column the function that puts its values in words of a language. Times and texts stay as are."""
    with force_locale(language):
        labels: dict[str, dict[Any, Any]] = {
            "state": {state: signature_state_label(state) for state in STATES},
            "party": {party: party_label(party) for party in PARTIES},
            "listed": {True: _("yes"), False: _("no")},
            "updates": {True: _("yes"), False: _("no")},
            "named_when": {None: None, **{when: named_when_label(when) for when in NAMED_WHEN}},
        }
    return [labels[name].__getitem__ if name in labels else _as_is for name in columns]


def _as_is(value: Any) -> Any:
    return value


def to_utc(value: datetime) -> datetime:
    """Return a moment in UTC, without the time zone, which spreadsheets do not know."""
    return value.astimezone(UTC).replace(tzinfo=None)
