"""`petition signatures …`: list, show, invalidate, reinstate; what is read and done is on record as on the desk."""

import json
from datetime import datetime
from typing import Any

import click
from rich.table import Table

from petition.core.db import db
from petition.core.errors import Gone
from petition.core.terminal import Mistake, console, in_app
from petition.signatures.by_hand import reason_of
from petition.signatures.filters import Filter, read
from petition.signatures.history import history
from petition.signatures.invalidate_many import SUBJECT, prepare, prepare_undo, sample
from petition.signatures.models import Signature
from petition.signatures.options import JSON, WHICH
from petition.signatures.search import COUNTED, TooSlow, search
from petition.signatures.search_pages import too_slow
from petition.team import audit, runs
from petition.team.models import Run
from petition.team.run_cli import carry_out

SHOWN = (
    "id", "party", "state", "name", "organisation", "email", "profession", "city", "postal_code", "country", "locale",
    "listed", "updates", "source", "created_at", "confirmed_at", "ended_at",
)  # fmt: skip


@click.group()
def signatures() -> None:
    """Signatures: find, show, export, invalidate."""


@signatures.command("list")
@WHICH
@click.option("--before", type=click.IntRange(1, 2**63 - 1), help="Those before this number: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@JSON
@in_app
def list_(before: int | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """List signatures, newest first."""
    which = read(chosen)
    try:
        page = search(which, before, limit)
    except TooSlow:
        raise Mistake(too_slow()) from None
    _record("signature.searched", None, {"by": sorted(which.given())})
    if as_json:
        found = {"number": page.number, "next": page.next, "items": [_plain(row) for row in page.rows]}
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    number = f"more than {COUNTED:,}" if page.number is None else f"{page.number:,}"
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


def _plain(signature: Signature) -> dict[str, Any]:
    values = {name: getattr(signature, name) for name in SHOWN}
    moments = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return {"petition": signature.petition.slug, **values, **moments}


def _record(action: str, signature_id: int | None, after: dict[str, Any] | None = None) -> None:
    audit.record(action, "signature", signature_id, after=after, actor=audit.terminal_actor())
    db.session.commit()


@signatures.command()
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@JSON
@in_app
def show(number: int, as_json: bool) -> None:
    """Show one signature and what happened to it."""
    signature = db.session.get(Signature, number)
    if signature is None:
        raise Gone({"id": f"there is no signature {number}"})
    events = history(signature)
    _record("signature.viewed", number)
    if as_json:
        told = [
            {"at": event.at.isoformat(), "what": event.text % event.values, "words": event.words} for event in events
        ]
        click.echo(json.dumps({**_plain(signature), "history": told}, indent=1, ensure_ascii=False))
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in _plain(signature).items():
        table.add_row(name, "-" if value is None else str(value))
    console.print(table)
    for event in events:
        console.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.text % event.values} {event.words or ''}".rstrip())


@signatures.command()
@WHICH
@click.option("--reason", required=True, help="It stays on record.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@JSON
@in_app
def invalidate(reason: str, yes: bool, as_json: bool, **chosen: str | None) -> None:
    """Invalidate the pending and confirmed signatures that are found; `reinstate` puts them back."""
    which: Filter = read(chosen)
    if not which.given():
        raise Mistake("say which: --domain, --network, --petition, … (see --help)")
    _ask_first(yes, as_json)
    try:
        run = prepare(which, reason_of({"reason": reason}), audit.terminal_actor())
    except TooSlow:
        raise Mistake(too_slow()) from None
    carry_out(run, _show, yes=yes, as_json=as_json)


@signatures.command()
@click.argument("action", type=int)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@JSON
@in_app
def reinstate(action: int, yes: bool, as_json: bool) -> None:
    """Put back what an action of `invalidate` struck, where nobody touched it since."""
    _ask_first(yes, as_json)
    run = runs.find(SUBJECT, action)
    if run.verb != "invalidate":
        raise Mistake(f"action {action} did not invalidate anything")
    carry_out(prepare_undo(run, audit.terminal_actor()), _show, yes=yes, as_json=as_json)


def _ask_first(yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        raise Mistake("--json cannot ask: add --yes")


def _show(run: Run) -> None:
    noun = "signature" if run.total == 1 else "signatures"
    will = "will not count, be listed or be mailed" if run.verb == "invalidate" else "will be as before"
    console.print(f"[bold]{run.total:,}[/] {noun} {will} (action {run.id}). For example:")
    console.print(_table(sample(run)))
