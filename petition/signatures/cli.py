"""`petition signatures …`: list, show, change the address of, invalidate, reinstate; recorded as on the desk."""

import json
from collections.abc import Callable
from typing import Any

import click
from rich.text import Text

from petition.bulk_actions import runner
from petition.bulk_actions.cli import run_interactively
from petition.bulk_actions.models import BulkAction
from petition.core.cli_support import CommandError, CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import MAX_ID
from petition.signatures.models import PARTIES, STATES, Signature
from petition.signatures.representation import represent_history, represent_signature
from petition.signatures.search.filters import parse_filter
from petition.signatures.search.search import MAX_COUNTED_ROWS, search
from petition.signatures.staff.actions import perform_action, validate_reason
from petition.signatures.staff.history import list_events
from petition.signatures.staff.invalidate import (
    SUBJECT,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
    sample_signatures,
)
from petition.signatures.staff.team_view import all_for_team, for_team
from petition.team import audit

FILTER_OPTIONS = (
    click.option("--petition", help="Its slug."),
    click.option("--name", help="Words of a name or organisation, or how they begin."),
    click.option("--email", help="The whole address, or its beginning."),
    click.option("--profession", help="How it begins."),
    click.option("--city", help="Town or city: how it begins."),
    click.option("--state", type=click.Choice(STATES)),
    click.option("--party", type=click.Choice(PARTIES)),
    click.option("--domain", help="Mail domain, such as example.org."),
    click.option("--network", help="An IP address, or # and the number of a signature."),
    click.option("--created-since", help="A day, such as 2026-12-31, in UTC."),
    click.option("--created-until", help="A day, included."),
    click.option("--confirmed-since", help="A day."),
    click.option("--confirmed-until", help="A day, included."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select signatures to a command."""
    for option in reversed(FILTER_OPTIONS):
        command = option(command)
    return command


@click.group(cls=CommandGroup)
def signatures() -> None:
    """Signatures: find, show, export, invalidate."""


@signatures.command("list")
@filter_options
@click.option("--before", type=click.IntRange(1, MAX_ID), help="Only numbers below this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@with_app_context
def list_(before: int | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """List signatures, newest first."""
    criteria = parse_filter(chosen)
    page = search(criteria, before, limit)
    _record_audit("signature.searched", None, {"by": sorted(criteria.criteria())})
    following = int(page.next) if page.next else None
    if as_json:
        result = {"number": page.total, "next": following, "items": [represent_signature(row) for row in page.items]}
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    total = f"more than {MAX_COUNTED_ROWS:,}" if page.total is None else f"{page.total:,}"
    console.print(Text.assemble((total, "bold"), " found, newest first."))
    if page.items:
        console.print(_table(all_for_team(page.items)))
    if following:
        console.print(f"The next page: add --before {following}")


def _table(rows: Any) -> FoldingTable:
    table = FoldingTable("id", "state", "signed", "petition", "name", "address")
    for row in rows:
        name = f"{row.organisation} ({row.name})" if row.organisation else row.name
        table.add_row(
            str(row.id), row.state, f"{row.created_at:%Y-%m-%d %H:%M}", row.petition.slug, name or "-", row.email or "-"
        )
    return table


def _record_audit(action: str, signature_id: int | None, after: dict[str, Any] | None = None) -> None:
    audit.record(action, "signature", signature_id, after=after, actor=audit.default_actor())
    db.session.commit()


def _get_signature(number: int, *, lock: bool = False) -> Signature:
    # Only the signature is locked, not the petition that is joined to it.
    lock_of = {"of": Signature} if lock else None
    signature = db.session.get(Signature, number, with_for_update=lock_of)
    if signature is None:
        raise NotFound({"id": f"there is no signature {number}"})
    return signature


@signatures.command()
@click.argument("number", type=click.IntRange(1, MAX_ID))
@json_option
@with_app_context
def show(number: int, as_json: bool) -> None:
    """Show one signature and what happened to it."""
    found = _get_signature(number)
    events, signature = list_events(found), for_team(found)
    _record_audit("signature.viewed", number)
    if as_json:
        shown = {**represent_signature(signature), "history": represent_history(signature)}
        click.echo(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    table = FoldingTable()
    for name, value in represent_signature(signature).items():
        table.add_row(name, "-" if value is None else str(value))
    console.print(table)
    for event in events:
        console.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.text % event.values} {event.detail or ''}".rstrip())


@signatures.command("change-address")
@click.argument("number", type=click.IntRange(1, MAX_ID))
@click.option("--address", prompt="New email address", help="Asked for if left out, so that no shell remembers it.")
@click.option("--reason", required=True, help="It stays in the audit trail: no name and no address.")
@with_app_context
def change_address(number: int, address: str, reason: str) -> None:
    """Ask the owner of another address to confirm it for a confirmed signature; the present one is notified."""
    signature = _get_signature(number, lock=True)
    perform_action("change_address", signature, {"email": address, "reason": reason}, actor=audit.default_actor())
    db.session.commit()
    console.print(f"Signature {number}: the new address has been asked to confirm. Until then the present one stays.")


@signatures.command()
@filter_options
@click.option("--reason", required=True, help="It stays in the audit trail.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
@with_app_context
def invalidate(reason: str, yes: bool, as_json: bool, **chosen: str | None) -> None:
    """Invalidate the pending and confirmed signatures that are found; `reinstate` undoes it."""
    criteria = parse_filter(chosen)
    if not criteria.criteria():
        raise CommandError("say which: --domain, --network, --petition, … (see --help)")
    _require_yes_with_json(yes, as_json)
    reason = validate_reason({"reason": reason})
    bulk_action = prepare_bulk_invalidation(criteria, reason, audit.default_actor())
    run_interactively(bulk_action, _print_preview, audit.record, yes=yes, as_json=as_json)


@signatures.command()
@click.argument("action", type=int)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
@with_app_context
def reinstate(action: int, yes: bool, as_json: bool) -> None:
    """Reinstate the signatures that an action of `invalidate` changed and that have not changed since."""
    _require_yes_with_json(yes, as_json)
    invalidation = runner.find(SUBJECT, action)
    if invalidation.verb != "invalidate":
        raise CommandError(f"action {action} did not invalidate anything")
    undo = prepare_bulk_reinstatement(invalidation, audit.default_actor())
    run_interactively(undo, _print_preview, audit.record, yes=yes, as_json=as_json)


def _require_yes_with_json(yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        raise CommandError("--json cannot ask: add --yes")


def _print_preview(bulk_action: BulkAction) -> None:
    noun = "signature" if bulk_action.total == 1 else "signatures"
    effect = "will not be counted, listed or emailed" if bulk_action.verb == "invalidate" else "will be as before"
    rest = f" {noun} {effect} (action {bulk_action.id}). For example:"
    console.print(Text.assemble((f"{bulk_action.total:,}", "bold"), rest))
    console.print(_table(all_for_team(sample_signatures(bulk_action))))
