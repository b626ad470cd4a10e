"""Signatures as CSV: streamed, safe to open in a spreadsheet, on record."""

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
from petition.signatures.search.search import apply_query_settings, build_conditions, query_id_bounds
from petition.team import audit

COLUMNS: dict[str, Any] = {
    "id": Signature.id, "petition": Petition.slug, "party": Signature.party, "name": Signature.name,
    "organisation": Signature.organisation, "email": Signature.email, "profession": Signature.profession,
    "city": Signature.city, "postal_code": Signature.postal_code, "country": Signature.country,
    "state": Signature.state, "listed": Signature.listed, "updates": Signature.updates,
    "updates_at": Signature.updates_at, "locale": Signature.locale, "source": Signature.source,
    "created_at": Signature.created_at, "confirmed_at": Signature.confirmed_at, "ended_at": Signature.ended_at,
}  # fmt: skip
# Enough to hand a list over; an address is only given out when it is asked for.
DEFAULT_COLUMNS = (
    "petition",
    "party",
    "name",
    "organisation",
    "profession",
    "city",
    "country",
    "state",
    "confirmed_at",
)
BATCH_SIZE = 2000  # rows in memory
STATEMENT_TIMEOUT_SECONDS = 60  # seconds to wait for a batch
IDLE_IN_TRANSACTION_TIMEOUT = "10min"  # with whoever takes a batch
BOM = "\ufeff"  # or spreadsheets take UTF-8 for something else
# What a spreadsheet takes for the beginning of a formula, its full-width forms included (OWASP, CSV Injection).
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class SignaturesExport:
    """The signatures of a filter as text in pieces, newest first, all as they were when the first was read.

    The record says at the beginning who took what, and at the end how many rows left; without its end, or with
    `complete` false, the file was cut short. Commits.
    """

    def __init__(self, which: Filter, columns: Sequence[str], actor: str | None = None) -> None:
        """Check the columns. Raises `Refusal` for none, or for one that does not exist."""
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown or not columns:
            raise ValidationError(
                {"columns": f"{', '.join(unknown) or 'no column'}: choose among {', '.join(COLUMNS)}"}
            )
        self.filter, self.columns, self.actor, self.rows = which, [n for n in COLUMNS if n in columns], actor, 0

    def __iter__(self) -> Iterator[str]:
        """Yield the file piece by piece."""
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
            .where(*build_conditions(self.filter), *query_id_bounds(self.filter))
            .order_by(Signature.id.desc())
        )
        with consistent_session(STATEMENT_TIMEOUT_SECONDS) as session:
            apply_query_settings(f"{STATEMENT_TIMEOUT_SECONDS}s", session)
            # Whoever takes the file may take it slowly.
            session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_TIMEOUT}'"))
            # A cursor of the database: one plan, one snapshot, and never more than a batch in memory.
            rows = session.execute(query, execution_options={"stream_results": True, "yield_per": BATCH_SIZE})
            yield from rows.partitions()

    def _record(self, action: str, **figures: Any) -> None:
        about = {"filter": self.filter.redacted(), "columns": self.columns}
        audit.record(action, "signature", after={**about, **figures}, actor=self.actor)
        db.session.commit()


def escape_cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula; times are in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text


def _format_rows(rows: Sequence[Sequence[str]]) -> str:
    # RFC 4180: comma, double quotes where needed, CRLF: the module's own default.
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
