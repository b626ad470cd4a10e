"""`petition queue retry|discard|mark-sent`: for exactly the deliveries shown first."""

import click
from rich.table import Table

from petition.core.terminal import Mistake, console, in_app
from petition.operations import act
from petition.operations.options import JSON, WHICH, filter_of
from petition.team import audit
from petition.team.models import Run
from petition.team.run_cli import carry_out

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
        carry_out(act.prepare(verb, which, audit.terminal_actor(), only), _show, yes=yes, as_json=as_json)

    return command


def _show(action: Run) -> None:
    noun = "email" if action.total == 1 else "emails"
    console.print(f"[bold]{action.total:,}[/] {noun} {WORDS[action.verb]}. For example:")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("email", "kind", "state", "domain", "the server's words"):
        table.add_column(name, no_wrap=name != "the server's words")
    for delivery in act.sample(action):
        table.add_row(str(delivery.id), delivery.kind, delivery.state, delivery.domain or "-", delivery.reason or "-")
    console.print(table)


retry = _command("retry", "Send again what was put off, failed, or whose fate is unknown.")
discard = _command("discard", "Give up what was put off, failed, or whose fate is unknown.")
mark_sent = _command("mark-sent", "Take emails whose fate is unknown for sent.")
