"""A signature as plain values, for the API and for the commands with `--json`: they agree."""

from datetime import datetime
from typing import Any

from petition.signatures.models import Signature
from petition.signatures.staff.history import list_events
from petition.signatures.staff.team_view import for_team

DISPLAYED_COLUMNS = (
    "id", "party", "state", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale",
    "listed", "updates", "passed_on", "source", "created_at", "confirmed_at", "ended_at",
    "named_when", "named_from", "named_at",
)  # fmt: skip


def represent_signature(signature: Signature) -> dict[str, Any]:
    """Return what the desk shows of a signature: nothing that leads to a withheld name. Times are ISO 8601."""
    shown = for_team(signature)
    values = {name: getattr(shown, name) for name in DISPLAYED_COLUMNS}
    times = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return {"petition": signature.petition.slug, **values, **times}


def represent_history(signature: Signature) -> list[dict[str, Any]]:
    """Return what happened to a signature, oldest first."""
    return [
        {"at": event.at.isoformat(), "what": event.text % event.values, "detail": event.detail}
        for event in list_events(signature)
    ]
