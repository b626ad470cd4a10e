"""marshmallow fields of a mailing, the same for the team's form and for a file.

A value is a text or a list of texts, as submitted; messages say what to write, in the reader's language.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

import marshmallow as ma
from flask_babel import format_decimal
from flask_babel import gettext as _

from petition.core.clock import is_timezone
from petition.core.exceptions import ValidationError
from petition.core.ids import is_id
from petition.core.languages.countries import is_country
from petition.core.text import is_printable_text
from petition.mailings.content.placeholders import ParseErrors
from petition.safeguards.email_addresses import BadAddress, parse_reply_address

MAX_VALUES = 50  # petitions or professions in one choice
MAX_VALUE_CHARACTERS = 200
TRUE_VALUES = ("on", "true", "1", "yes")


def load(schema: ma.Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the clean values of a schema's fields. Raises `ValidationError` with one message for each wrong field."""
    submitted = {name: "" if values.get(name) is None else values[name] for name in schema.fields}
    try:
        loaded: dict[str, Any] = schema.load(submitted)
    except ma.ValidationError as error:
        messages: Mapping[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise ValidationError({name: found[0] for name, found in messages.items()}) from None
    return loaded


class Line(ma.fields.Field):  # type: ignore[type-arg]
    """One line of text; pasted line breaks become spaces."""

    def __init__(self, max_characters: int, *, needed: bool = False) -> None:
        super().__init__()
        self.max_characters, self.needed = max_characters, needed

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        line = single_line(value)
        if len(line) > self.max_characters or not line.isprintable():
            raise ma.ValidationError(
                _("keep this to one line of up to %(number)s characters", number=self.max_characters)
            )
        if self.needed and not line:
            raise ma.ValidationError(_("write something here"))
        return line


class ReplyTo(Line):
    """The address that replies go to, or None."""

    def __init__(self) -> None:
        super().__init__(254)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        line = super()._deserialize(value)
        try:
            return parse_reply_address(line) if line else None
        except BadAddress:
            raise ma.ValidationError(_("this is not an email address")) from None


class TimeZone(ma.fields.Field):  # type: ignore[type-arg]
    """The name of a time zone."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        name = str(value or "Europe/Paris")
        if not is_timezone(name):
            raise ma.ValidationError(_("write a time zone such as Europe/Paris"))
        return name


class Flag(ma.fields.Field):  # type: ignore[type-arg]
    """A box that is ticked or not."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        return str(value or "").lower() in TRUE_VALUES


class WholeNumber(ma.fields.Field):  # type: ignore[type-arg]
    """A whole number. Without one `default`, or None; `zero` says whether 0 is a number or means none."""

    def __init__(self, maximum: int, *, default: int | None = None, zero: bool = False) -> None:
        super().__init__()
        self.maximum, self.default, self.zero = maximum, default, zero

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int | None:
        text = str(value).strip()
        if not text:
            return self.default
        if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= self.maximum):
            raise ma.ValidationError(
                _("write a whole number up to %(number)s, or nothing", number=format_decimal(self.maximum))
            )
        return int(text) if self.zero else int(text) or None


class Percentage(ma.fields.Field):  # type: ignore[type-arg]
    """A percentage, as a fraction of 1."""

    def __init__(self, default: float) -> None:
        super().__init__()
        self.default = default

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> float:
        text = str(value).strip().replace(",", ".").rstrip("% ")
        if text and not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text):
            raise ma.ValidationError(_("write a percentage such as 5"))
        return min(float(text or self.default), 100.0) / 100


class Content(ma.fields.Field):  # type: ignore[type-arg]
    """A text with placeholders; `check` returns what is wrong with it, each as (line, what to do)."""

    def __init__(
        self,
        max_characters: int,
        check: Callable[[str], ParseErrors],
        *,
        needed: bool = True,
        lines: bool = False,
    ) -> None:
        super().__init__()
        self.max_characters, self.check, self.needed, self.lines = max_characters, check, needed, lines

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        text = str(value).replace("\r\n", "\n").strip() if self.lines else single_line(value)
        if self.needed and not text:
            raise ma.ValidationError(_("write something here, or leave the whole language empty"))
        if len(text) > self.max_characters:
            raise ma.ValidationError(
                _("keep this within %(number)s characters", number=format_decimal(self.max_characters))
            )
        if not is_printable_text(text):
            raise ma.ValidationError(_("this has characters that are not text: type it again"))
        if found := self.check(text):
            lines = (_("line %(line)s: %(advice)s", line=line, advice=advice) for line, advice in found)
            raise ma.ValidationError(_("; ").join(lines))
        return text


class Values(ma.fields.Field):  # type: ignore[type-arg]
    """Any number of short texts."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        values = [value] if isinstance(value, str) else list(value or [])
        texts = [single_line(text) for text in values]
        if len(texts) > MAX_VALUES or any(len(t) > MAX_VALUE_CHARACTERS or not t.isprintable() for t in texts):
            raise ma.ValidationError(_too_many())
        return [text for text in texts if text]


class Value(Values):
    """One short text, or None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        texts = super()._deserialize(value)
        return texts[0] if texts else None


class Choices(Values):
    """Any number of the options."""

    def __init__(self, options: Collection[str]) -> None:
        super().__init__()
        self.options = options

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        texts = super()._deserialize(value)
        if any(text not in self.options for text in texts):
            raise ma.ValidationError(_("choose from %(options)s", options=", ".join(self.options)))
        return texts


class Choice(Choices):
    """One of the options, or None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        texts = super()._deserialize(value)
        return texts[0] if texts else None


class Country(Value):
    """A country's two letters, or None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        code = (super()._deserialize(value) or "").upper()
        if code and not is_country(code):
            raise ma.ValidationError(_("write a country’s two letters, such as FR"))
        return code or None


class Id(Value):
    """The id of a row, or None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int | None:
        text = super()._deserialize(str(value))
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and is_id(int(text))):
            raise ma.ValidationError(_("choose from the list"))
        return int(text)


class Ids(Id):
    """The ids of any number of rows, in order."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        values = [value] if isinstance(value, str | int) else list(value or [])
        if len(values) > MAX_VALUES:
            raise ma.ValidationError(_too_many())
        return sorted({number for item in values if (number := super(Ids, self)._deserialize(item))})


class Day(Value):
    """A day as ISO 8601 has it, or None."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        text = super()._deserialize(value)
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            day = date.min
        if day and not 1900 <= day.year < 3000:  # the days before and after must exist too, in every time zone
            raise ma.ValidationError(_("write a day such as 2026-11-23"))
        return day.isoformat() if day else None


def single_line(value: Any) -> str:
    """Return a text with its line breaks, which were pasted, as spaces."""
    return " ".join(str(value or "").split())


def _too_many() -> str:
    return _("choose up to %(number)s, each of up to 200 characters", number=MAX_VALUES)
