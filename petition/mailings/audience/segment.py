"""Who a mailing is for: consent first and always, then what was chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from petition.core.countries import is_country
from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.delivery.models import Delivery, DeliveryState
from petition.mailings.models import MAILING_KIND
from petition.signatures.models import PARTIES, Signature, SignatureState

MAX_VALUES = 50  # petitions or professions in one choice


@dataclass(frozen=True)
class Segment:
    """What was chosen; what is empty does not matter. Days are whole, in the mailing's time zone."""

    petitions: list[int] = field(default_factory=list)
    party: str | None = None
    languages: list[str] = field(default_factory=list)
    professions: list[str] = field(default_factory=list)
    country: str | None = None
    city: str | None = None
    postal_code: str | None = None  # the first characters of it: 75 is Paris
    confirmed_from: str | None = None
    confirmed_until: str | None = None
    received: int | None = None
    not_received: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was chosen, ready to be stored."""
        return {name: value for name, value in asdict(self).items() if value}


def segment_from_dict(values: Mapping[str, Any]) -> Segment:
    """Return a segment out of what `plain` gave."""
    return Segment(**{f.name: values[f.name] for f in fields(Segment) if f.name in values})


def parse_segment(values: Mapping[str, Any]) -> Segment:
    """Return a segment out of what was typed, each value a text or a list of texts. Raises `Refusal` with help."""
    errors: dict[str, str] = {}
    chosen: dict[str, Any] = {}
    for name, read in FIELD_PARSERS.items():
        try:
            chosen[name] = read(values.get(name))
        except (ValueError, TypeError, OverflowError) as error:
            errors[name] = str(error)
    if not errors and not chosen["petitions"]:
        errors["petitions"] = _("choose at least one petition")
    if not errors and chosen["confirmed_from"] and (chosen["confirmed_until"] or "9") < chosen["confirmed_from"]:
        errors["confirmed_until"] = _("choose a day that is not before the first one")
    if errors:
        raise ValidationError(errors)
    return Segment(**chosen)


def _parse_texts(value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else list(value or [])
    texts = [" ".join(str(text).split()) for text in values]
    if len(texts) > MAX_VALUES or any(len(text) > 200 or not text.isprintable() for text in texts):
        raise ValueError(_("choose up to %(number)s, each of up to 200 characters", number=MAX_VALUES))
    return [text for text in texts if text]


def _parse_text(value: Any) -> str | None:
    texts = _parse_texts(value)
    return texts[0] if texts else None


def _choice_parser(options: Any, several: bool = False) -> Any:
    def read(value: Any) -> Any:
        texts = _parse_texts(value)
        if any(text not in options for text in texts):
            raise ValueError(_("choose from %(options)s", options=", ".join(options)))
        return texts if several else (texts[0] if texts else None)

    return read


def _parse_id(value: Any) -> int | None:
    text = _parse_text(str(value) if value is not None else None)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise ValueError(_("choose from the list"))
    return int(text)


def _parse_ids(value: Any) -> list[int]:
    values = [value] if isinstance(value, str | int) else list(value or [])
    if len(values) > MAX_VALUES:
        raise ValueError(_("choose up to %(number)s, each of up to 200 characters", number=MAX_VALUES))
    return sorted({number for item in values if (number := _parse_id(item))})


def _parse_date(value: Any) -> str | None:
    text = _parse_text(value)
    try:
        day = date.fromisoformat(text) if text else None
        if day and not 1900 <= day.year < 3000:  # a day before and after it must be a day as well, in any zone
            raise ValueError
        return day.isoformat() if day else None
    except ValueError:
        raise ValueError(_("write a day such as 2026-11-23")) from None


def _parse_country(value: Any) -> str | None:
    text = (_parse_text(value) or "").upper()
    if text and not is_country(text):
        raise ValueError(_("write a country’s two letters, such as FR"))
    return text or None


FIELD_PARSERS = {
    "petitions": _parse_ids, "party": _choice_parser(PARTIES), "languages": _choice_parser(LANGUAGES, several=True),
    "professions": _parse_texts, "country": _parse_country, "city": _parse_text, "postal_code": _parse_text, "confirmed_from": _parse_date,
    "confirmed_until": _parse_date, "received": _parse_id, "not_received": _parse_id,
}  # fmt: skip


def consent_conditions() -> list[ColumnElement[bool]]:
    """Return what must hold of every recipient, whatever was chosen."""
    # Bare, as the partial index says it: PostgreSQL does not see that IS TRUE means the same.
    return [Signature.state == SignatureState.CONFIRMED, Signature.updates.expression]


def segment_conditions(segment: Segment, zone: str) -> list[ColumnElement[bool]]:
    """Return what was chosen as conditions on `Signature`; consent is not among them."""
    found: list[ColumnElement[bool]] = [Signature.petition_id.in_(segment.petitions)]
    for column, value in (
        (Signature.party, segment.party),
        (Signature.country, segment.country),
        (func.lower(Signature.city), segment.city and segment.city.lower()),
    ):
        if value:
            found.append(column == value)
    if segment.languages:
        found.append(Signature.locale.in_(segment.languages))
    if segment.professions:
        found.append(
            or_(*(func.lower(Signature.profession).contains(p.lower(), autoescape=True) for p in segment.professions))
        )
    if segment.postal_code:
        found.append(Signature.postal_code.startswith(segment.postal_code, autoescape=True))
    if segment.confirmed_from:
        found.append(Signature.confirmed_at >= _midnight(segment.confirmed_from, zone))
    if segment.confirmed_until:
        found.append(Signature.confirmed_at < _midnight(segment.confirmed_until, zone, 1))
    if segment.received:
        found.append(has_received(segment.received, DeliveryState.SENT))
    if segment.not_received:
        found.append(~has_received(segment.not_received, DeliveryState.SENT))
    return found


def has_received(mailing_id: int, *states: str) -> ColumnElement[bool]:
    """Return the condition that a mailing has a delivery in one of the states for the signer's address."""
    same = aliased(Signature)
    return (
        select(Delivery.id)
        .join(same, same.id == Delivery.subject_id)
        .where(Delivery.kind == MAILING_KIND, Delivery.generation == mailing_id)
        .where(same.email_canonical == Signature.email_canonical, Delivery.state.in_(states))
        .exists()
    )


def _midnight(day: str, zone: str, days_later: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day) + timedelta(days=days_later), time(), ZoneInfo(zone))
