"""`petition queue retry|discard|mark-sent`: act on exactly the deliveries that are shown first."""

from typing import Any

import click
from rich.text import Text

from petition.bulk_actions.cli import run_interactively
from petition.bulk_actions.models import BulkAction
from petition.core.cli_support import CommandError, FoldingTable, console, with_app_context
from petition.operations.actions import delivery_actions
from petition.operations.cli.options import attempt_filter_options, build_filter, delivery_filter_options, json_option
from petition.team import audit

EFFECT_LABELS = {
    "retry": "will be sent again now; people who have confirmed or been suppressed meanwhile get nothing",
    "discard": "will be cancelled and never sent",
    "mark-sent": "will count as sent, and not be sent again",
}


def _make_command(verb: str, help_text: str) -> click.Command:
    @click.command(verb, help=help_text)
    @delivery_filter_options
    @attempt_filter_options
    @click.option("--id", "only_ids", type=int, multiple=True, help="One delivery; may be repeated.")
    @click.option("--all", "everything", is_flag=True, help="All of them, without a filter.")
    @click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    @json_option
    @with_app_context
    def command(only_ids: tuple[int, ...], everything: bool, yes: bool, as_json: bool, **chosen: Any) -> None:
        which = build_filter(**chosen)
        if not (which.to_dict() or only_ids or everything):
            raise CommandError("say which: --queue, --state, --cause, --domain, --id, or --all (see `queue failures`)")
        if as_json and not yes:
            raise CommandError("--json cannot ask for confirmation: add --yes")
        action = delivery_actions.prepare(verb, which, audit.default_actor(), only_ids)
        run_interactively(action, _print_sample, audit.record, yes=yes, as_json=as_json)

    return command


def _print_sample(action: BulkAction) -> None:
    noun = "email" if action.total == 1 else "emails"
    console.print(Text.assemble((f"{action.total:,}", "bold"), f" {noun} {EFFECT_LABELS[action.verb]}."))
    if delivery_actions.includes_unknown(action):
        console.print("Some may have been sent already: whoever has such an email gets it twice.", style="bold yellow")
    console.print("For example:")
    table = FoldingTable("email", "kind", "state", "domain", "server response")
    for delivery in delivery_actions.list_sample(action):
        table.add_row(str(delivery.id), delivery.kind, delivery.state, delivery.domain or "-", delivery.reason or "-")
    console.print(table)


retry = _make_command("retry", "Send emails again that are deferred or failed; of unknown outcome only with --state.")
discard = _make_command(
    "discard", "Cancel emails: deferred, failed, of unknown outcome, or --state due of a paused queue."
)
mark_sent = _make_command("mark-sent", "Record emails as sent: of unknown outcome, or --state due of a paused queue.")
