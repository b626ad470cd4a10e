"""Forms and commands' options as marshmallow schemas: clean values, or one message for each field."""

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma

from petition.core.exceptions import ValidationError


def load_form(schema: ma.Schema, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the clean values of a schema's fields; a field that the form does not have gets its default, if any.

    Raises `ValidationError` with the first message of each field.
    """
    try:
        values: dict[str, Any] = schema.load({name: form[name] for name in schema.fields if name in form})
    except ma.ValidationError as error:
        messages: Mapping[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise ValidationError({field: found[0] for field, found in messages.items()}) from None
    return values


class InputField(ma.fields.Field[Any]):
    """A field read by a function; whatever is wrong with it, one message says what to enter."""

    def __init__(self, parse: Callable[[Any], Any], message: Any, **options: Any) -> None:
        self._parse = parse
        super().__init__(error_messages=dict.fromkeys(("required", "null", "invalid"), message), **options)

    def make_error(self, key: str, **_: Any) -> ma.ValidationError:
        """Return the message as a text: marshmallow takes a lazy translation for a list of messages."""
        return ma.ValidationError(str(self.error_messages[key]))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        try:
            return self._parse(value)
        except (ValueError, TypeError):
            raise self.make_error("invalid") from None
