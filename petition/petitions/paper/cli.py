"""`petition petitions import-paper` and `undo-paper`: the desk's import of signatures on paper, from a terminal."""

import json
import time
from functools import partial
from pathlib import Path
from typing import IO

import click

from petition.bulk_actions import runner
from petition.bulk_actions.cli import run_interactively
from petition.bulk_actions.models import BulkAction
from petition.core.cli_support import CommandError, console, with_app_context
from petition.core.db import db
from petition.petitions import queries as petition_queries
from petition.petitions.models import Petition
from petition.petitions.paper import bulk, importer
from petition.petitions.paper.dates import DateOrder
from petition.petitions.paper.errors import PaperFileError
from petition.petitions.paper.labels import paper_file_error_message, paper_problem_message
from petition.petitions.paper.models import PaperImport, PaperImportState
from petition.team import audit

MAX_PROBLEMS_SHOWN = 50
WORKER_POLL_SECONDS = 0.2


@click.command("import-paper")
@click.argument("slug")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--dates",
    type=click.Choice([order.value for order in DateOrder]),
    help="What comes first in a date such as 03/04/2022.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_app_context
def import_paper(slug: str, file: IO[bytes], dates: str | None, yes: bool, as_json: bool) -> None:
    """Add the signatures of a FILE (CSV, XLSX) collected on paper; `undo-paper` removes them.

    Shows first how many would be added, and which lines have errors.
    """
    _require_yes_with_json(yes, as_json)
    petition = petition_queries.find_by_slug(slug)
    draft = _read_draft(petition, file, dates)
    bulk_action = bulk.prepare_adding(draft, audit.default_actor()) if draft.waiting else None
    if bulk_action is None:
        db.session.commit()
        if as_json:
            click.echo(json.dumps({"import": draft.id, "total": 0, "problems": importer.list_problems(draft)}))
        else:
            _print_draft(draft)
        raise CommandError("there is no signature to add: nothing was done")
    run_interactively(
        bulk_action,
        lambda _action: _print_draft(draft),
        partial(_record, "paper.added", petition, draft),
        yes=yes,
        as_json=as_json,
    )


def _read_draft(petition: Petition, file: IO[bytes], dates: str | None) -> PaperImport:
    """Read a file as the desk does. Commits."""
    try:
        draft = importer.store_file(petition, file.read(), Path(file.name).name, audit.default_actor())
    except PaperFileError as error:
        raise CommandError(f"{file.name}: {paper_file_error_message(error.code)}") from None
    draft.date_order = dates
    db.session.commit()
    while draft.state == PaperImportState.READING:
        importer.read_file(draft.id)
        db.session.expire(draft)
        draft = importer.find_import(petition, draft.id)
        db.session.commit()
        if draft.state == PaperImportState.READING:  # a worker is at it
            time.sleep(WORKER_POLL_SECONDS)
    draft = importer.find_import(petition, draft.id, lock=True)
    if draft.state == PaperImportState.QUESTION:
        example = draft.date_example
        importer.discard_draft(draft)
        db.session.commit()
        raise CommandError(f"is {example} written with the day or with the month first? Add --dates day or month")
    return draft


def _print_draft(draft: PaperImport) -> None:
    console.print(f"Import {draft.id}: {draft.lines:,} lines read, {draft.waiting:,} signatures would be added.")
    problems = importer.list_problems(draft)
    for line, kind, detail in problems[:MAX_PROBLEMS_SHOWN]:
        console.print(f"line {line}: {paper_problem_message(kind, detail)}", markup=False)
    if len(problems) > MAX_PROBLEMS_SHOWN:
        console.print(f"… and {len(problems) - MAX_PROBLEMS_SHOWN:,} more lines")


def _record(event: str, petition: Petition, file: PaperImport, *_names: object, after: dict[str, object]) -> None:
    audit.record(event, "petition", petition.slug, after={"added": after["total"], "import": file.id})


@click.command("undo-paper")
@click.argument("slug")
@click.argument("import_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_app_context
def undo_paper(slug: str, import_id: int, yes: bool, as_json: bool) -> None:
    """Remove the signatures of an import from the count, and delete their names."""
    _require_yes_with_json(yes, as_json)
    petition = petition_queries.find_by_slug(slug)
    importer.find_action(importer.find_import(petition, import_id), lock=True)
    file = importer.find_import(petition, import_id, lock=True)
    try:
        bulk_action = bulk.prepare_removal(file, audit.default_actor())
    except runner.NoMatchingRows:
        bulk_action = None
    if bulk_action is None:
        raise CommandError("this import has nothing to remove")
    run_interactively(
        bulk_action, _print_removal, partial(_record, "paper.undone", petition, file), yes=yes, as_json=as_json
    )


def _print_removal(bulk_action: BulkAction) -> None:
    console.print(f"{bulk_action.total:,} signatures will no longer count, and their names will be deleted.")


def _require_yes_with_json(yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        raise CommandError("--json cannot ask for confirmation: add --yes")
