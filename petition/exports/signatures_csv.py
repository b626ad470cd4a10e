"""Signatures as CSV: streamed, safe to open in a spreadsheet, recorded in the audit trail."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.read_replica import consistent_session
from petition.petitions.models import Petition
from petition.signatures.models import Signature
from petition.signatures.search.filters import Filter
from petition.signatures.search.queries import QUERY_SETTINGS_SQL, build_conditions, query_id_bounds
from petition.team import audit

COLUMNS: dict[str, Any] = {
    "id": Signature.id, "petition": Petition.slug, "party": Signature.party, "name": Signature.name,
    "organisation": Signature.organisation, "email": Signature.email, "profession": Signature.profession,
    "city": Signature.city, "postal_code": Signature.postal_code, "country": Signature.country,
    "state": Signature.state, "listed": Signature.listed, "updates": Signature.updates,
    "updates_at": Signature.updates_at, "locale": Signature.locale, "source": Signature.source,
    "created_at": Signature.created_at, "confirmed_at": Signature.confirmed_at, "ended_at": Signature.ended_at,
}  # fmt: skip
# Enough for the list of signatories that is handed over; addresses are exported only when chosen.
DEFAULT_COLUMNS = (
    "petition", "party", "name", "organisation", "profession", "city", "country", "state", "confirmed_at",
)  # fmt: skip
BATCH_SIZE = 2000  # rows in memory
STATEMENT_TIMEOUT_SECONDS = 60  # to wait for a batch
IDLE_IN_TRANSACTION_TIMEOUT = "10min"  # while the client receives a batch
BOM = "\ufeff"  # without it, spreadsheets do not read the file as UTF-8
# How a formula begins in spreadsheets, full-width forms included (OWASP, CSV Injection).
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class SignaturesExport:
    """The signatures that a filter finds as CSV text in chunks, newest first, from one database snapshot.

    The audit trail gets an event at the start (who, filter, columns) and one at the end (number of rows); if the
    second is missing, or has `complete` false, the file was cut short. Commits.
    """

    def __init__(self, criteria: Filter, columns: Sequence[str], actor: str | None = None) -> None:
        """Validate the columns. Raises `ValidationError` for none, or for one that does not exist."""
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown or not columns:
            problem = f"unknown: {', '.join(unknown)}" if unknown else "no column"
            raise ValidationError({"columns": f"{problem}; choose among {', '.join(COLUMNS)}"})
        self.criteria, self.actor, self.rows = criteria, actor, 0
        self.columns = [name for name in COLUMNS if name in columns]

    def __iter__(self) -> Iterator[str]:
        """Yield the file chunk by chunk."""
        self._record("signatures.export")
        complete = False
        try:
            yield BOM + _format_rows([self.columns])
            for batch in self._batches():
                self.rows += len(batch)
                yield _format_rows([[escape_cell(value) for value in row] for row in batch])
            complete = True
        finally:
            db.session.rollback()
            self._record("signatures.exported", rows=self.rows, complete=complete)

    def _batches(self) -> Iterator[Sequence[Any]]:
        query = (
            select(*(COLUMNS[name] for name in self.columns))
            .select_from(Signature)
            .join(Petition, Petition.id == Signature.petition_id)
            .where(*build_conditions(self.criteria), *query_id_bounds(self.criteria))
            .order_by(Signature.id.desc())
        )
        with consistent_session(STATEMENT_TIMEOUT_SECONDS) as session:
            session.execute(QUERY_SETTINGS_SQL, {"timeout": f"{STATEMENT_TIMEOUT_SECONDS}s"})
            # A slow client keeps the transaction open.
            session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_TIMEOUT}'"))
            # A server-side cursor: one plan, one snapshot, and never more than a batch in memory.
            rows = session.execute(query, execution_options={"stream_results": True, "yield_per": BATCH_SIZE})
            yield from rows.partitions()

    def _record(self, action: str, **result: Any) -> None:
        after = {"filter": self.criteria.redacted(), "columns": self.columns, **result}
        audit.record(action, "signature", after=after, actor=self.actor)
        db.session.commit()


def escape_cell(value: Any) -> str:
    """Return a value as a cell that spreadsheets do not read as a formula; times are in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text


def _format_rows(rows: Sequence[Sequence[str]]) -> str:
    # The csv module's default dialect is RFC 4180: commas, double quotes where needed, CRLF.
    output = io.StringIO()
    csv.writer(output).writerows(rows)
    return output.getvalue()
