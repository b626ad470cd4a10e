"""Compare the schema of the database with the one that this code was written for.

Every migration states `compatible_from`: the oldest revision whose code may run on the schema that it leaves. It is
stored beside the revision, so that older code knows whether it may go on (docs/decisions/0051). Imports neither
SQLAlchemy nor Alembic, as `petition queue check` uses it too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from petition.core.exceptions import DomainError

VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"
REVISIONS = re.compile(r'^revision = "(\w+)"\ndown_revision = (?:"(\w+)"|None)$', re.M)
TABLE_EXISTS_SQL = "SELECT to_regclass('alembic_version') IS NOT NULL"
# As JSON, because the column is not there before revision 0030.
VERSION_SQL = "SELECT version_num, to_jsonb(v) ->> 'compatible_from' FROM alembic_version AS v"


class SchemaMismatch(DomainError):
    """This code cannot run on the schema of the database. The message is one line that says what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__({"schema": problem})


@dataclass(frozen=True)
class Schema:
    """The revision of a database (None: it is empty), and the oldest one whose code may run on it (None: unknown)."""

    revision: str | None
    compatible_from: str | None = None

    @property
    def is_behind(self) -> bool:
        """Say whether `petition db upgrade` has something to do."""
        return self.revision is None or (self.revision in known_revisions() and self.revision != head_revision())

    @property
    def is_newer(self) -> bool:
        """Say whether a newer version migrated the database in a way that lets this code run."""
        return self.revision not in known_revisions() and self.compatible_from in known_revisions()

    @property
    def problem(self) -> str | None:
        """Return why this code cannot run on it and what to do, as the end of a sentence; None if it can."""
        head = head_revision()
        if self.revision is None:
            return f"the database is empty, this code needs {head}: run petition db upgrade"
        if self.is_behind:
            return f"the database is at {self.revision}, this code needs {head}: run petition db upgrade"
        if self.revision == head or self.is_newer:
            return None
        needs = f"needs the code of {self.compatible_from} or later" if self.compatible_from else "is unknown to it"
        return (
            f"the database is at {self.revision}, which {needs}; this code is of {head}:"
            " start the newer version, or restore the backup from before its upgrade"
        )


def read(first_row: Callable[[str], Sequence[Any] | None]) -> Schema:
    """Return the schema of a database. `first_row` runs a statement and returns its first row."""
    exists = first_row(TABLE_EXISTS_SQL)
    version = first_row(VERSION_SQL) if exists and exists[0] else None
    return Schema(*version) if version else Schema(None)


@cache
def known_revisions() -> dict[str, str | None]:
    """Return every revision that this code has, with the one before it."""
    found = {}
    for path in VERSIONS.glob("*.py"):
        [(revision, before)] = REVISIONS.findall(path.read_text(encoding="utf-8"))
        found[revision] = before or None
    return found


@cache
def head_revision() -> str:
    """Return the revision that this code needs."""
    known = known_revisions()
    [head] = known.keys() - set(known.values())
    return head
