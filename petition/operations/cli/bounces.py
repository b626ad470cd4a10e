"""`petition bounces …`: import and list bounces, complaints and unsubscribe requests."""

import json
from typing import IO

import click

from petition.core.cli_support import CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.delivery.bounces.processing import process_message
from petition.operations import bounce_reports
from petition.operations.cli.options import json_option

MAX_LISTED = 100


@click.group(cls=CommandGroup)
def bounces() -> None:
    """Bounces, complaints and unsubscribe requests."""


@bounces.command("import")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@with_app_context
def import_files(files: tuple[IO[bytes], ...]) -> None:
    """Process messages from files, as those of the bounce mailbox are; each counts once."""
    for file in files:
        bounce = process_message(file.read(), "terminal")
        db.session.commit()
        console.print(f"{file.name}: {bounce.kind} {bounce.status} {bounce.response}".rstrip())


@bounces.command("list")
@json_option
@with_app_context
def list_(as_json: bool) -> None:
    """List the last hundred, newest first."""
    reports = bounce_reports.list_reports(limit=MAX_LISTED).items
    if as_json:
        names = ("id", "kind", "status", "response", "source", "delivery_id", "mailing_id")
        rows = [{name: getattr(bounce, name) for name in names} | {"at": bounce.at.isoformat()} for bounce in reports]
        click.echo(json.dumps(rows, indent=1))
        return
    if not reports:
        console.print("No bounces.")
        return
    table = FoldingTable("when", "kind", "status", "email", "response")
    for bounce in reports:
        table.add_row(
            f"{bounce.at:%Y-%m-%d %H:%M}", bounce.kind, bounce.status, str(bounce.delivery_id or "-"), bounce.response
        )
    console.print(table)
