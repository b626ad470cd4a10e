"""`petition backup …`: the erasure journal, the step after a restore, and the drill."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from flask import current_app
from rich.text import Text

from petition.backups import drill as drills
from petition.backups import journal as journals
from petition.backups.replay import ReplayReport, finish_replay, replay
from petition.backups.scratch import interrupted_by_sigterm
from petition.core import migrations
from petition.core.cli_support import CommandError, CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db, set_statement_timeout
from petition.team import audit

MAX_STATEMENT_SECONDS = 3600.0  # nothing else runs then
EXIT_CODES = {"ok": 0, "no journal": 1, "problems": 2}
FILE = click.Path(dir_okay=False, path_type=Path)
journal_option = click.option(
    "--journal", "files", type=FILE, multiple=True,
    help="File of the erasure journal; may be repeated. Default: PETITION_JOURNAL.",
)  # fmt: skip


@click.group(cls=CommandGroup)
def backup() -> None:
    """Backups: erasure journal, the step after a restore, drill."""


@backup.command()
@click.argument("file", type=FILE, required=False)
@with_app_context
def journal(file: Path | None) -> None:
    """Append the entries of the erasure journal that wait to FILE, or to PETITION_JOURNAL; print all without either.

    The maintenance worker does so by itself every five seconds where PETITION_JOURNAL is set. Without a file it prints
    every entry of the database, as lines of JSON, for a backup program that reads standard output.
    """
    path, written = file or journals.journal_path(), 0
    if path is None:
        for entry in journals.list_all():
            click.echo(journals.to_line(entry))
        return
    try:
        while n := journals.write_waiting(path):
            written += n
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    console.print(f"{written:,} entries appended to {path}.")


@backup.command()
@journal_option
@click.option("--without-journal", is_flag=True, help="There is none: whoever left since the backup comes back.")
@with_app_context
def restored(files: Sequence[Path], without_journal: bool) -> None:
    """Run after a restore and `petition db upgrade`, before the services start.

    Skips ids that mailed links may contain, and replays the erasure journal: whoever was erased, withdrew or
    unsubscribed since the backup does not come back, and petitions that were anonymised since are anonymised again, at
    once. Running it twice does no harm, and goes on with what was interrupted.
    """
    entries = None if without_journal else _read_entries(files)
    if entries is None and not without_journal:
        path = journals.journal_path()
        which = (
            f"the erasure journal {path} (PETITION_JOURNAL) does not exist; give --journal FILE" if path
            else "which erasure journal? Give --journal FILE or set PETITION_JOURNAL"
        )  # fmt: skip
        raise CommandError(f"{which}; --without-journal brings back whoever left since the backup")
    set_statement_timeout(db.session, MAX_STATEMENT_SECONDS)
    tables = migrations.skip_ids()
    after = {"tables": tables, "ids": migrations.SKIPPED_IDS}
    report = replay(db.session.connection(), entries) if entries is not None else None
    if report:
        after |= {"entries": report.entries, "missing": report.missing, **_positive(report.changed)}
    audit.record("database.restored", "database", after=after)
    db.session.commit()
    console.print(f"Skipped {migrations.SKIPPED_IDS:,} ids in each of {tables} tables.")
    console.print(_describe(report) if report else "No journal was replayed.")
    finish_replay(entries or [])


@backup.command()
@journal_option
@click.option("--dump", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Restore this backup (of pg_dump -Fc) instead of a new dump.")  # fmt: skip
@click.option("--into", metavar="URL", help="Restore on the server of this database instead of ours.")
@with_app_context
def drill(files: Sequence[Path], dump: Path | None, into: str | None) -> None:
    """Prove that a backup can be restored; nothing is changed but a scratch database, which is removed.

    Dumps, restores, compares every table with the snapshot that was dumped, and replays the erasure journal. Needs
    pg_dump and pg_restore not older than the server, the right to create databases, and room in TMPDIR. Exit code 0:
    all is well; 1: there is no journal, or it could not run; 2: the restored database differs.
    """
    entries = _read_entries(files)
    if into and not into.startswith(("postgresql://", "postgres://")):
        raise CommandError("--into must be a URL such as postgresql://…")
    target = "postgresql+psycopg://" + into.split("://", 1)[1] if into else None
    with interrupted_by_sigterm():
        report = drills.run_drill(
            current_app.config["DATABASE_URL"], entries, into=target, dump=dump,
            say=lambda step: console.print(f"{step} …"),
        )  # fmt: skip
    _print_drill(report, compared=dump is None)
    audit.record("backup.drilled", "database", after={"problems": len(report.problems)})
    db.session.commit()
    if report.problems:
        sys.exit(EXIT_CODES["problems"])
    if entries is None:
        console.print("No erasure journal: set PETITION_JOURNAL, or whoever left comes back with a restored backup.")
        sys.exit(EXIT_CODES["no journal"])
    console.print("The backup can be restored, and nobody comes back by it.")


def _read_entries(files: Sequence[Path]) -> list[journals.Entry] | None:
    """Return the entries of the files, or of the setting's; None if there is no file. Broken lines are said."""
    configured = journals.journal_path()
    paths = list(files) or ([configured] if configured and configured.exists() else [])
    if not paths:
        return None
    entries = []
    for path, found in journals.read_files(paths):
        entries += found.entries
        if found.broken_lines:
            numbers = ", ".join(map(str, found.broken_lines[:5])) + (" …" if len(found.broken_lines) > 5 else "")
            console.print(f"{path}: {len(found.broken_lines):,} broken lines were left out ({numbers}).")
    return sorted({(entry.id, entry.subject_hash): entry for entry in entries}.values(), key=lambda e: (e.at, e.id))


def _positive(changed: Counter[str]) -> dict[str, int]:
    return {str(act): n for act, n in changed.items() if n}


def _describe(report: ReplayReport) -> str:
    changed = ", ".join(f"{act} {n:,}" for act, n in _positive(report.changed).items())
    return (
        f"Journal: {report.entries:,} entries, {report.missing:,} later than the backup; rows changed:"
        f" {changed or 'none'}."
    )


def _print_drill(report: drills.DrillReport, *, compared: bool) -> None:
    assert report.restored is not None
    table = FoldingTable("table", "rows", "latest id", "digest", right=("rows", "latest id"))
    for name, each in report.restored.tables.items():
        if each.rows:
            table.add_row(name, f"{each.rows:,}", "-" if each.latest_id is None else str(each.latest_id), each.digest)
    console.print(table)
    rows = sum(each.rows for each in report.restored.tables.values())
    times = ", ".join(f"{step} in {seconds:.1f} s" for step, seconds in report.seconds.items())
    console.print(
        f"{len(report.restored.tables)} tables, {rows:,} rows, {report.dump_bytes / 1e6:,.1f} MB; {times};"
        f" PostgreSQL {report.server_version}, pg_dump {report.tools_version}."
    )
    if compared and not report.problems:
        console.print("Every table, index, constraint, trigger and sequence is as in the snapshot that was dumped.")
    if report.replayed:
        console.print(_describe(report.replayed))
    for problem in report.problems:
        console.print(Text.assemble(("Wrong:", "bold"), f" {problem}"))
