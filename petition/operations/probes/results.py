"""Record the results of periodic checks."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.operations.models import Probe


def record_probe(name: str, ok: bool, response: str, milliseconds: int, value: float | None = None) -> None:
    """Record the result of a periodic check, in place of the previous one. Flushes, does not commit."""
    row = {"ok": ok, "response": response[:200], "milliseconds": milliseconds, "value": value}
    statement = insert(Probe).values(name=name, **row)
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={**row, "at": func.now()}))
