"""Prove that a backup can be restored: dump, restore into a scratch database, compare, replay the journal, remove."""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url

from petition.backups import compare
from petition.backups.journal import Entry
from petition.backups.models import Act
from petition.backups.pg_tools import PgTools, find_tools
from petition.backups.replay import ReplayReport, apply_entries, replay
from petition.backups.scratch import connect, scratch_database
from petition.core.schema import head_revision

# The rows alone do not show whether these still hold: somebody may have agreed again since.
UNPROVABLE = (Act.UNLISTED, Act.OBJECTED)

Say = Callable[[str], None]


@dataclass
class DrillReport:
    """What a drill found. `problems`: one line each; empty if the backup can be relied on."""

    tools_version: int = 0
    server_version: int = 0
    dump_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    restored: compare.Fingerprint | None = None
    replayed: ReplayReport | None = None
    problems: list[str] = field(default_factory=list)


def run_drill(
    url: str, entries: Sequence[Entry] | None, *, into: str | None, dump: Path | None, say: Say
) -> DrillReport:
    """Run the drill on a database and return its report. `say` gets a line before each step.

    `entries`: of the journal; None if there is none. `into`: the URL of a database of another server to restore on.
    `dump`: a backup to restore instead of a new dump; it cannot be compared with rows that went on changing. The
    original is only read; what is compared is the very snapshot that was dumped, so that signing may go on. Raises
    `ToolError`.
    """
    report, key = DrillReport(), secrets.token_hex(16)
    report.server_version = max(_server_version(url), _server_version(into or url))
    tools = find_tools(report.server_version)
    report.tools_version = tools.version
    with tempfile.TemporaryDirectory(prefix="petition-drill-") as folder:
        original = None
        if dump is None:
            dump = Path(folder) / "petition.dump"
            say("Dumping")
            original = _dump(tools, url, dump, key, report)
        report.dump_bytes = dump.stat().st_size
        with scratch_database(into or url) as scratch:
            say("Restoring into a scratch database")
            with _timed(report, "restored"):
                _restore(tools, dump, scratch)
            say("Comparing")
            with _timed(report, "compared"):
                _compare(scratch, original, key, report)
            if entries is not None:
                say("Replaying the journal")
                _replay(scratch, entries, report)
    return report


def _server_version(url: str) -> int:
    with connect(url) as connection:
        return connection.info.server_version // 10_000


@contextmanager
def _timed(report: DrillReport, step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    report.seconds[step] = time.monotonic() - started


def _dump(tools: PgTools, url: str, dump: Path, key: str, report: DrillReport) -> compare.Fingerprint:
    """Dump a snapshot, and return the fingerprint of the same snapshot."""
    with connect(url) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        with _timed(report, "dumped"):
            tools.run("pg_dump", "--format=custom", f"--snapshot={row[0]}", f"--file={dump}", url=url)
        return compare.take_fingerprint(connection, key)


def _restore(tools: PgTools, dump: Path, scratch: str) -> None:
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    tools.run("pg_restore", *options, f"--dbname={make_url(scratch).database}", str(dump), url=scratch)


def _compare(scratch: str, original: compare.Fingerprint | None, key: str, report: DrillReport) -> None:
    with connect(scratch) as connection:
        report.restored = compare.take_fingerprint(connection, key)
        if original is not None:
            report.problems += original.differences(report.restored)
        if not report.restored.tables:
            report.problems.append("the backup has no tables")
        for name in compare.find_reused_ids(connection, report.restored):
            report.problems.append(f"table {name}: its next number was given already")


def _replay(scratch: str, entries: Sequence[Entry], report: DrillReport) -> None:
    """Replay the journal twice: what the backup lacks, then everything, which must change nothing any more."""
    if _revision(scratch) != head_revision():
        report.problems.append("the backup is of another release: the journal was not replayed (petition db upgrade)")
        return
    engine = create_engine(scratch, poolclass=NullPool)
    with engine.begin() as connection:
        report.replayed = replay(connection, entries)
    provable = [entry for entry in entries if entry.act not in UNPROVABLE]
    with engine.begin() as connection:
        back = apply_entries(connection, provable)
    report.problems += [f"the journal says {act}, and the backup says otherwise: {n:,}" for act, n in back.items() if n]
    with connect(scratch) as scratch_connection:
        miscounted = compare.count_miscounted(scratch_connection)
    if miscounted:
        report.problems.append(f"petitions whose counters differ from their rows: {miscounted:,}")


def _revision(scratch: str) -> str | None:
    with connect(scratch) as connection:
        if not connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0]:  # type: ignore[index]
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
