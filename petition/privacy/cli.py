"""`petition requests …`: requests of persons about their data, as on the desk."""

import json
from datetime import datetime
from pathlib import Path

import click

from petition.core import clock
from petition.core.cli_support import CommandError, CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.core.ids import MAX_ID
from petition.privacy import person_requests
from petition.privacy.export import to_json
from petition.privacy.held_data import collect_held_data, list_signatures
from petition.privacy.models import CHANNELS, REQUEST_KINDS, PersonRequest
from petition.team import audit

number_argument = click.argument("number", type=click.IntRange(1, MAX_ID))
reason_option = click.option("--reason", required=True, help="It stays in the audit trail: no name and no address.")


@click.group(cls=CommandGroup)
def requests() -> None:
    """Requests of persons about their data: record, export, perform, refuse."""


@requests.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app_context
def list_(as_json: bool) -> None:
    """List the open requests, the most urgent first."""
    rows = person_requests.list_open()
    if as_json:
        fields = ("id", "kind", "channel", "received_on", "due_on")
        click.echo(json.dumps([{name: str(getattr(row, name)) for name in fields} for row in rows], indent=1))
        return
    if not rows:
        console.print("No request is open.")
        return
    table = FoldingTable("id", "kind", "received", "due", "address")
    for row in rows:
        late = " LATE" if row.due_on < clock.now().date() else ""
        table.add_row(str(row.id), row.kind, str(row.received_on), f"{row.due_on}{late}", row.email)
    console.print(table)


@requests.command()
@click.option("--kind", type=click.Choice(REQUEST_KINDS), required=True)
@click.option("--channel", type=click.Choice(CHANNELS), default="letter", show_default=True)
@click.option("--received", type=click.DateTime(["%Y-%m-%d"]), help="The day it arrived. Default: today.")
@click.option("--address", prompt="Email address", help="Asked for if left out, so that no shell remembers it.")
@with_app_context
def record(kind: str, channel: str, received: datetime | None, address: str) -> None:
    """Record a request, and print what is held on the address."""
    day = received.date() if received else clock.now().date()
    row = person_requests.record_request(kind, channel, address, day, audit.default_actor())
    db.session.commit()
    console.print(f"Request {row.id}, to be answered by {row.due_on}.")
    _print_held(row)


def _print_held(row: PersonRequest) -> None:
    signatures = list_signatures(person_requests.require_open(row))
    for signature in signatures:
        restricted = ", restricted" if signature.restricted_at else ""
        console.print(f"  signature {signature.id}: {signature.petition.slug}, {signature.state}{restricted}")
    if not signatures:
        console.print("  no signature, on any petition")


@requests.command()
@number_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_app_context
def export(number: int, file: Path) -> None:
    """Write all that is held on the address of a request to FILE, as JSON, for its owner only."""
    row = person_requests.get_request(number)
    address = person_requests.require_open(row)
    held = collect_held_data(address, person_requests.hash_person(address.canonical))
    if file.exists():
        raise CommandError(f"{file} exists already")
    file.touch(mode=0o600)
    file.write_text(to_json(held), encoding="utf-8")
    audit.record("request.exported", person_requests.SUBJECT, row.id, after={"as": "json"}, actor=audit.default_actor())
    db.session.commit()
    console.print(f"Written to {file}: {len(held['signatures'])} signatures and what goes with them.")


@requests.command()
@number_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_app_context
def perform(number: int, yes: bool) -> None:
    """Do what a request asks for to every signature of its address, and close it."""
    row = person_requests.get_request(number)
    console.print(f"Request {row.id}: {row.kind}.")
    _print_held(row)
    db.session.commit()  # no transaction stays open while the command waits for an answer
    if not yes:
        click.confirm("Perform it?", abort=True)
    outcome = person_requests.perform(person_requests.get_request(number, lock=True), audit.default_actor())
    db.session.commit()
    console.print("Done: " + ", ".join(f"{name} {n}" for name, n in outcome.items()) + ". Inform the person.")


@requests.command()
@number_argument
@reason_option
@with_app_context
def refuse(number: int, reason: str) -> None:
    """Close a request without granting it."""
    person_requests.refuse(person_requests.get_request(number, lock=True), reason, audit.default_actor())
    db.session.commit()
    console.print("Refused. Inform the person, with the reason and the right to complain.")


@requests.command()
@number_argument
@reason_option
@with_app_context
def extend(number: int, reason: str) -> None:
    """Take two more months for the answer, once."""
    row = person_requests.get_request(number, lock=True)
    person_requests.extend(row, reason, audit.default_actor())
    db.session.commit()
    console.print(f"To be answered by {row.due_on}. Inform the person.")
