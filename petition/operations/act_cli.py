"""`petition queue retry|discard|mark-sent`: for exactly the deliveries shown first."""

import json
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from petition.core.db import db
from petition.core.terminal import Mistake, console, in_app
from petition.operations import act
from petition.operations.failures import Filter
from petition.operations.options import JSON, WHICH, filter_of
from petition.team import audit, runs
from petition.team.models import DONE, Run

WORDS = {
    "retry": "will be due again now; whoever has confirmed or been suppressed meanwhile gets nothing",
    "discard": "will be cancelled and never sent",
    "mark-sent": "will count as sent, and not be sent again",
}


def _command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text)
    @WHICH
    @click.option("--id", "only", type=int, help="One delivery.")
    @click.option("--all", "everything", is_flag=True, help="All of them, without a filter.")
    @click.option("--yes", is_flag=True, help="Do it without asking.")
    @JSON
    @in_app
    def command(only: int | None, everything: bool, yes: bool, as_json: bool, **chosen: str | None) -> None:
        which = filter_of(**chosen)
        if not (which.given() or only or everything):
            raise Mistake("say which: --lane, --state, --cause, --domain, --id, or --all (see `queue failures`)")
        if as_json and not yes:
            raise Mistake("--json cannot ask: add --yes")
        _act(verb, which, only, yes, as_json)

    return command


def _act(verb: str, which: Filter, only: int | None, yes: bool, as_json: bool) -> None:
    who = audit.terminal_actor()
    action = act.prepare(verb, which, who, only)
    db.session.commit()
    if not as_json:
        _show(action)
    if not (yes or click.confirm("Go on?")):
        console.print("Nothing was done.")
        raise SystemExit(1)
    runs.start(action)
    audit.record(f"deliveries.{verb}", "action", action.id, after={"total": action.total, **action.filter}, actor=who)
    db.session.commit()
    try:
        _work(action, quiet=as_json)
    except KeyboardInterrupt:
        runs.stop(runs.find(act.SUBJECT, action.id, lock=True))
        db.session.commit()
    _tell(runs.find(act.SUBJECT, action.id, lock=True), as_json)


def _show(action: Run) -> None:
    noun = "email" if action.total == 1 else "emails"
    console.print(f"[bold]{action.total:,}[/] {noun} {WORDS[action.verb]}. For example:")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("email", "kind", "state", "domain", "the server's words"):
        table.add_column(name, no_wrap=name != "the server's words")
    for delivery in act.sample(action):
        table.add_row(str(delivery.id), delivery.kind, delivery.state, delivery.domain or "-", delivery.reason or "-")
    console.print(table)


def _work(action: Run, *, quiet: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as progress:
        bar = progress.add_task(action.verb, total=action.total)
        for state in runs.work(action.id):
            progress.update(bar, completed=state.done + state.skipped)


def _tell(action: Run, as_json: bool) -> None:
    left = action.total - action.done - action.skipped
    result: dict[str, Any] = {
        "action": action.id, "verb": action.verb, "state": action.state, "total": action.total, "done": action.done,
        "skipped": action.skipped, "left": left,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(result))
    else:
        skipped = f", {action.skipped:,} had changed meanwhile and were left alone" if action.skipped else ""
        stopped = f", {left:,} not reached: stopped" if left else ""
        console.print(f"{action.verb}: {action.done:,} done{skipped}{stopped}.")
    if action.state != DONE:
        raise SystemExit(1)


retry = _command("retry", "Send again what was put off, failed, or whose fate is unknown.")
discard = _command("discard", "Give up what was put off, failed, or whose fate is unknown.")
mark_sent = _command("mark-sent", "Take emails whose fate is unknown for sent.")
