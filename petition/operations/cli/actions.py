"""`petition queue retry|discard|mark-sent`: for exactly the deliveries shown first."""

import click
from rich.table import Table

from petition.bulk_actions.cli import run_interactively
from petition.bulk_actions.models import BulkAction
from petition.core.cli_support import CommandError, console, with_app_context
from petition.operations import delivery_actions
from petition.operations.cli.options import build_filter, delivery_filter_options, json_option
from petition.team import audit

EFFECT_LABELS = {
    "retry": "will be due again now; whoever has confirmed or been suppressed meanwhile gets nothing",
    "discard": "will be cancelled and never sent",
    "mark-sent": "will count as sent, and not be sent again",
}


def _make_command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text)
    @delivery_filter_options
    @click.option("--id", "only", type=int, help="One delivery.")
    @click.option("--all", "everything", is_flag=True, help="All of them, without a filter.")
    @click.option("--yes", is_flag=True, help="Do it without asking.")
    @json_option
    @with_app_context
    def command(only: int | None, everything: bool, yes: bool, as_json: bool, **chosen: str | None) -> None:
        which = build_filter(**chosen)
        if not (which.to_dict() or only or everything):
            raise CommandError("say which: --queue, --state, --cause, --domain, --id, or --all (see `queue failures`)")
        if as_json and not yes:
            raise CommandError("--json cannot ask: add --yes")
        action = delivery_actions.prepare(verb, which, audit.default_actor(), only)
        run_interactively(action, _print_sample, audit.record, yes=yes, as_json=as_json)

    return command


def _print_sample(action: BulkAction) -> None:
    noun = "email" if action.total == 1 else "emails"
    console.print(f"[bold]{action.total:,}[/] {noun} {EFFECT_LABELS[action.verb]}. For example:")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("email", "kind", "state", "domain", "the server's words"):
        table.add_column(name, no_wrap=name != "the server's words")
    for delivery in delivery_actions.list_sample(action):
        table.add_row(str(delivery.id), delivery.kind, delivery.state, delivery.domain or "-", delivery.reason or "-")
    console.print(table)


retry = _make_command("retry", "Send again what was put off, failed, or whose fate is unknown.")
discard = _make_command("discard", "Give up what was put off, failed, or whose fate is unknown.")
mark_sent = _make_command("mark-sent", "Take emails whose fate is unknown for sent.")
