"""Run a bulk action from a command: preview, question, progress bar, result. Ctrl-C stops it after a batch."""

import json
from collections.abc import Callable

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.bulk_actions.representation import represent_bulk_action
from petition.core.cli_support import console
from petition.core.db import db


def run_interactively(
    bulk_action: BulkAction,
    print_preview: Callable[[BulkAction], None],
    record: Callable[..., object],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Show a prepared action, ask, run it, and print the result. Commits. Exits with 1 unless all of it was done.

    `record` adds the start to the audit trail: `record(action, subject, subject_id, after=…)`.
    """
    db.session.commit()
    if not as_json:
        print_preview(bulk_action)
        db.session.commit()  # no transaction stays open while a person thinks
    if not (yes or click.confirm("Go on?")):
        console.print("Nothing was done.")
        raise SystemExit(1)
    runner.start(bulk_action)
    after = {"total": bulk_action.total, **bulk_action.filter}
    if bulk_action.reason:
        after["reason"] = bulk_action.reason
    record(f"{bulk_action.subject}.{bulk_action.verb}", "action", bulk_action.id, after=after)
    db.session.commit()
    try:
        _run_with_progress(bulk_action, quiet=as_json)
    except KeyboardInterrupt:
        runner.stop(runner.find(bulk_action.subject, bulk_action.id, lock=True))
        db.session.commit()
    _print_result(runner.find(bulk_action.subject, bulk_action.id, lock=True), as_json)


def _run_with_progress(bulk_action: BulkAction, *, quiet: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task(bulk_action.verb, total=bulk_action.total)
        for current in runner.run_batches(bulk_action.id):
            progress.update(bar, completed=current.done + current.skipped)


def _print_result(bulk_action: BulkAction, as_json: bool) -> None:
    result = represent_bulk_action(bulk_action)
    if as_json:
        click.echo(json.dumps(result))
    else:
        skipped = f", {bulk_action.skipped:,} skipped: changed in the meantime" if bulk_action.skipped else ""
        stopped = f", {result['left']:,} not reached: stopped" if result["left"] else ""
        console.print(f"{bulk_action.verb}: {bulk_action.done:,} done{skipped}{stopped}.")
    if bulk_action.state != BulkActionState.DONE:
        raise SystemExit(1)
