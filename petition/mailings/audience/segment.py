"""The segment of a mailing: which of the signers who agreed to updates get it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask_babel import gettext as _

from petition.core.i18n import LANGUAGES
from petition.core.languages.collation import search_key
from petition.mailings.drafting import form_fields
from petition.signatures.models import PARTIES


@dataclass(frozen=True)
class Segment:
    """The chosen filters; an empty one does not filter. Days are whole, in the mailing's time zone."""

    petitions: list[int] = field(default_factory=list)
    party: str | None = None
    languages: list[str] = field(default_factory=list)
    professions: list[str] = field(default_factory=list)  # contained in what the signer gave
    country: str | None = None
    city: str | None = None
    postal_code: str | None = None  # its first characters: 75 is Paris
    confirmed_from: str | None = None
    confirmed_until: str | None = None
    received: int | None = None  # the id of a mailing
    not_received: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the chosen filters, ready to be stored."""
        return {name: value for name, value in asdict(self).items() if value}


class SegmentSchema(ma.Schema):
    """The filters as submitted, by the form or a file."""

    petitions = form_fields.Ids()
    party = form_fields.Choice(PARTIES)
    languages = form_fields.Choices(LANGUAGES)
    professions = form_fields.Values()
    country = form_fields.Country()
    city = form_fields.Value()
    postal_code = form_fields.Value()
    confirmed_from = form_fields.Day()
    confirmed_until = form_fields.Day()
    received = form_fields.Id()
    not_received = form_fields.Id()

    @ma.validates_schema
    def _validate_petitions(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data["petitions"]:
            raise ma.ValidationError(_("choose at least one petition"), "petitions")

    @ma.validates_schema
    def _validate_days(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["confirmed_from"] and (data["confirmed_until"] or "9") < data["confirmed_from"]:
            raise ma.ValidationError(_("choose a day that is not before the first one"), "confirmed_until")


def segment_from_dict(values: Mapping[str, Any]) -> Segment:
    """Return the segment that `Segment.to_dict` stored."""
    return Segment(**{f.name: values[f.name] for f in fields(Segment) if f.name in values})


def parse_segment(values: Mapping[str, Any]) -> Segment:
    """Return the segment that was submitted. Raises `ValidationError` with one message for each wrong field."""
    return Segment(**form_fields.load(SegmentSchema(), values))


def segment_parameters(segment: Segment, timezone: str, partner_id: int | None) -> dict[str, Any]:
    """Return a segment as parameters of the statements on the audience; None is a filter that was not chosen.

    `partner_id`: the partner whose mailing it is, None for the team.
    """
    return {
        "partner": partner_id,
        "petitions": segment.petitions,
        "party": segment.party or None,
        "languages": segment.languages or None,
        "professions": [f"%{_escape_like(search_key(p))}%" for p in segment.professions] or None,
        "country": segment.country or None,
        "city": search_key(segment.city) if segment.city else None,
        "postal_code": f"{_escape_like(segment.postal_code)}%" if segment.postal_code else None,
        "confirmed_from": _midnight(segment.confirmed_from, timezone),
        "confirmed_before": _midnight(segment.confirmed_until, timezone, days_later=1),
        "received": segment.received or None,
        "not_received": segment.not_received or None,
    }


def _escape_like(value: str) -> str:
    return value.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _midnight(day: str | None, timezone: str, days_later: int = 0) -> datetime | None:
    if not day:
        return None
    return datetime.combine(date.fromisoformat(day) + timedelta(days=days_later), time(), ZoneInfo(timezone))
