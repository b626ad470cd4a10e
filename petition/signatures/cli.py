"""`petition signatures …`: list, show, invalidate, reinstate; what is read and done is on record as on the desk."""

import json
from datetime import datetime
from typing import Any

import click
from rich.table import Table

from petition.bulk_actions import runner
from petition.bulk_actions.cli import run_interactively
from petition.bulk_actions.models import BulkAction
from petition.core.cli_support import CommandError, console, with_app_context
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.signatures.cli_options import filter_options, json_option
from petition.signatures.models import Signature
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.search import MAX_COUNTED_ROWS, SearchTimeout, search
from petition.signatures.staff.actions import validate_reason
from petition.signatures.staff.history import list_events
from petition.signatures.staff.invalidate_many import (
    SUBJECT,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
    sample_signatures,
)
from petition.signatures.views.search import search_timeout_message
from petition.team import audit

DISPLAYED_COLUMNS = (
    "id", "party", "state", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale",
    "listed", "updates", "source", "created_at", "confirmed_at", "ended_at",
)  # fmt: skip


@click.group()
def signatures() -> None:
    """Signatures: find, show, export, invalidate."""


@signatures.command("list")
@filter_options
@click.option("--before", type=click.IntRange(1, 2**63 - 1), help="Those before this number: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@with_app_context
def list_(before: int | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """List signatures, newest first."""
    which = parse_filter(chosen)
    try:
        page = search(which, before, limit)
    except SearchTimeout:
        raise CommandError(search_timeout_message()) from None
    _record_audit("signature.searched", None, {"by": sorted(which.criteria())})
    if as_json:
        found = {"number": page.total, "next": page.next, "items": [_to_dict(row) for row in page.rows]}
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    number = f"more than {MAX_COUNTED_ROWS:,}" if page.total is None else f"{page.total:,}"
    console.print(f"[bold]{number}[/] found, newest first.")
    if page.rows:
        console.print(_table(page.rows))
    if page.next:
        console.print(f"The next page: add --before {page.next}")


def _table(rows: Any) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "state", "signed", "petition", "name", "address"):
        table.add_column(heading, no_wrap=heading not in ("name", "address"))
    for row in rows:
        name = f"{row.organisation} ({row.name})" if row.organisation else row.name
        table.add_row(
            str(row.id), row.state, f"{row.created_at:%Y-%m-%d %H:%M}", row.petition.slug, name or "-", row.email or "-"
        )
    return table


def _to_dict(signature: Signature) -> dict[str, Any]:
    values = {name: getattr(signature, name) for name in DISPLAYED_COLUMNS}
    moments = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return {"petition": signature.petition.slug, **values, **moments}


def _record_audit(action: str, signature_id: int | None, after: dict[str, Any] | None = None) -> None:
    audit.record(action, "signature", signature_id, after=after, actor=audit.default_actor())
    db.session.commit()


@signatures.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@json_option
@with_app_context
def show(number: int, as_json: bool) -> None:
    """Show one signature and what happened to it."""
    signature = db.session.get(Signature, number)
    if signature is None:
        raise NotFound({"id": f"there is no signature {number}"})
    events = list_events(signature)
    _record_audit("signature.viewed", number)
    if as_json:
        told = [
            {"at": event.at.isoformat(), "what": event.text % event.values, "words": event.detail} for event in events
        ]
        click.echo(json.dumps({**_to_dict(signature), "history": told}, indent=1, ensure_ascii=False))
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in _to_dict(signature).items():
        table.add_row(name, "-" if value is None else str(value))
    console.print(table)
    for event in events:
        console.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.text % event.values} {event.detail or ''}".rstrip())


@signatures.command()
@filter_options
@click.option("--reason", required=True, help="It stays on record.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
@with_app_context
def invalidate(reason: str, yes: bool, as_json: bool, **chosen: str | None) -> None:
    """Invalidate the pending and confirmed signatures that are found; `reinstate` puts them back."""
    which: Filter = parse_filter(chosen)
    if not which.criteria():
        raise CommandError("say which: --domain, --network, --petition, … (see --help)")
    _require_yes_with_json(yes, as_json)
    try:
        run = prepare_bulk_invalidation(which, validate_reason({"reason": reason}), audit.default_actor())
    except SearchTimeout:
        raise CommandError(search_timeout_message()) from None
    run_interactively(run, _print_preview, yes=yes, as_json=as_json)


@signatures.command()
@click.argument("action", type=int)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
@with_app_context
def reinstate(action: int, yes: bool, as_json: bool) -> None:
    """Put back what an action of `invalidate` struck, where nobody touched it since."""
    _require_yes_with_json(yes, as_json)
    run = runner.find(SUBJECT, action)
    if run.verb != "invalidate":
        raise CommandError(f"action {action} did not invalidate anything")
    run_interactively(prepare_bulk_reinstatement(run, audit.default_actor()), _print_preview, yes=yes, as_json=as_json)


def _require_yes_with_json(yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        raise CommandError("--json cannot ask: add --yes")


def _print_preview(run: BulkAction) -> None:
    noun = "signature" if run.total == 1 else "signatures"
    will = "will not count, be listed or be mailed" if run.verb == "invalidate" else "will be as before"
    console.print(f"[bold]{run.total:,}[/] {noun} {will} (action {run.id}). For example:")
    console.print(_table(sample_signatures(run)))
