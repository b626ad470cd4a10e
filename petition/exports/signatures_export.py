"""Export what a search of signatures finds: from one snapshot, in bounded memory, recorded in the audit trail."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select, text

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.languages.language_codes import SOURCE_LANGUAGE
from petition.core.read_replica import consistent_session
from petition.exports.columns import COLUMNS, get_translators, list_headings
from petition.exports.file_formats import DELIMITERS, FileFormat, write_csv, write_xlsx
from petition.petitions.models import Petition
from petition.signatures.models import Signature
from petition.signatures.search.filters import Filter
from petition.signatures.search.queries import QUERY_SETTINGS_SQL, build_conditions, query_id_bounds
from petition.team import audit

BATCH_SIZE = 2000  # rows in memory
STATEMENT_TIMEOUT_SECONDS = 60  # to wait for a batch
IDLE_IN_TRANSACTION_TIMEOUT = "10min"  # while the client receives a batch


class SignaturesExport:
    """The signatures that a filter finds as a file in chunks, newest first, from one database snapshot.

    Headings and values are in `language`. The audit trail gets an event at the start (who, filter, columns) and one at
    the end (number of rows); if the second is missing, or has `complete` false, the file was cut short. Commits.
    """

    def __init__(
        self,
        criteria: Filter,
        columns: Sequence[str],
        file_format: FileFormat = FileFormat.CSV,
        language: str = SOURCE_LANGUAGE,
        actor: str | None = None,
    ) -> None:
        """Validate the columns. Raises `ValidationError` for none, or for one that does not exist."""
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown or not columns:
            problem = f"unknown: {', '.join(unknown)}" if unknown else "no column"
            raise ValidationError({"columns": f"{problem}; choose among {', '.join(COLUMNS)}"})
        self.criteria, self.actor, self.rows = criteria, actor, 0
        self.file_format, self.language = file_format, language
        self.columns = [name for name in COLUMNS if name in columns]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the file chunk by chunk."""
        self._record("signatures.export")
        complete = False
        try:
            yield from self._write(list_headings(self.columns, self.language), self._translated_batches())
            complete = True
        finally:
            db.session.rollback()
            self._record("signatures.exported", rows=self.rows, complete=complete)

    def _write(self, headings: Sequence[str], batches: Iterator[Sequence[Any]]) -> Iterator[bytes]:
        if self.file_format == FileFormat.XLSX:
            with force_locale(self.language):
                title = _("Signatures")
            return write_xlsx(title, headings, batches, self.language)
        return write_csv(headings, batches, DELIMITERS[self.file_format], self.language)

    def _translated_batches(self) -> Iterator[list[list[Any]]]:
        translators = get_translators(self.columns, self.language)
        for batch in self._batches():
            self.rows += len(batch)
            yield [[translate(value) for translate, value in zip(translators, row, strict=True)] for row in batch]

    def _batches(self) -> Iterator[Sequence[Any]]:
        query = (
            select(*(COLUMNS[name] for name in self.columns))
            .select_from(Signature)
            .join(Petition, Petition.id == Signature.petition_id)
            .where(*build_conditions(self.criteria), *query_id_bounds(self.criteria))
            # What a signer asked to restrict is stored and not used (GDPR, article 18).
            .where(Signature.restricted_at.is_(None))
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
