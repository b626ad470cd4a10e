"""Carry a run out at a terminal: shown, asked, worked through with a bar, told; Ctrl-C stops it after a batch."""

import json
from collections.abc import Callable
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionState
from petition.core.cli_support import console
from petition.core.db import db
from petition.team import audit


def run_interactively(run: BulkAction, show: Callable[[BulkAction], None], *, yes: bool, as_json: bool) -> None:
    """Show a prepared run, ask, do it, and say what came of it. Commits. Exits with 1 unless all was done."""
    db.session.commit()
    if not as_json:
        show(run)
        db.session.commit()  # no transaction stays open while a person thinks
    if not (yes or click.confirm("Go on?")):
        console.print("Nothing was done.")
        raise SystemExit(1)
    runner.start(run)
    after = {"total": run.total, **run.filter, **({"reason": run.reason} if run.reason else {})}
    audit.record(f"{run.subject}.{run.verb}", "action", run.id, after=after, actor=audit.default_actor())
    db.session.commit()
    try:
        _run_with_progress(run, quiet=as_json)
    except KeyboardInterrupt:
        runner.stop(runner.find(run.subject, run.id, lock=True))
        db.session.commit()
    _print_result(runner.find(run.subject, run.id, lock=True), as_json)


def _run_with_progress(run: BulkAction, *, quiet: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task(run.verb, total=run.total)
        for state in runner.run_batches(run.id):
            progress.update(bar, completed=state.done + state.skipped)


def _print_result(run: BulkAction, as_json: bool) -> None:
    left = run.total - run.done - run.skipped
    result: dict[str, Any] = {
        "action": run.id, "verb": run.verb, "state": run.state, "total": run.total, "done": run.done,
        "skipped": run.skipped, "left": left,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(result))
    else:
        skipped = f", {run.skipped:,} had changed meanwhile and were left alone" if run.skipped else ""
        stopped = f", {left:,} not reached: stopped" if left else ""
        console.print(f"{run.verb}: {run.done:,} done{skipped}{stopped}.")
    if run.state != BulkActionState.DONE:
        raise SystemExit(1)
