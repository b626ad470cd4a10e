"""What is held on an address as JSON (GDPR, articles 15 and 20)."""

import json
from datetime import date
from typing import Any


def to_json(held: dict[str, Any]) -> str:
    """Return the data as text."""
    text = json.dumps(held, ensure_ascii=False, indent=2, default=_to_json)
    return f"{text}\n"


def _to_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
