"""Forms and commands' options as marshmallow schemas: clean values, or one message for each field."""

from collections.abc import Mapping
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
