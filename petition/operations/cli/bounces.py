"""`petition bounces …` and `petition suppressions …`."""

import json
from typing import IO

import click
from rich.table import Table
from sqlalchemy import select

from petition.core.cli_support import CommandError, console, with_app_context
from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.processing import process_message
from petition.delivery.suppressions import suppression_list
from petition.operations.cli.options import json_option
from petition.team import audit


@click.group()
def bounces() -> None:
    """What came back: bounces, complaints, requests to stop."""


@bounces.command()
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@with_app_context
def import_bounces(files: tuple[IO[bytes], ...]) -> None:
    """Take in messages from files, as the mailbox's would be; each counts once."""
    for file in files:
        bounce = process_message(file.read(), "terminal")
        db.session.commit()
        console.print(f"{file.name}: {bounce.kind} {bounce.status} {bounce.response}".rstrip())


@bounces.command("list")
@json_option
@with_app_context
def list_(as_json: bool) -> None:
    """List the last hundred, newest first."""
    found = list(db.session.scalars(select(Bounce).order_by(Bounce.id.desc()).limit(100)))
    if as_json:
        names = ("id", "kind", "status", "response", "source", "delivery_id", "mailing_id")
        rows = [{name: getattr(b, name) for name in names} | {"at": b.at.isoformat()} for b in found]
        click.echo(json.dumps(rows, indent=1))
        return
    if not found:
        console.print("Nothing came back.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("when", "kind", "status", "email", "words"):
        table.add_column(heading, no_wrap=heading != "words")
    for bounce in found:
        table.add_row(
            f"{bounce.at:%Y-%m-%d %H:%M}", bounce.kind, bounce.status, str(bounce.delivery_id or "-"), bounce.response
        )
    console.print(table)


@click.group()
def suppressions() -> None:
    """Addresses that are never mailed, kept as keyed hashes."""


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True)
@with_app_context
def add(address: str, reason: str) -> None:
    """Never mail an address again."""
    if not suppression_list.ADDRESS_PATTERN.fullmatch(address):
        raise CommandError(f"{address} is not a whole address")
    suppression_list.suppress(address, reason)
    audit.record("suppression.add", "suppression", after={"reason": reason}, actor=audit.default_actor())
    db.session.commit()
    console.print("This address is never mailed again.")


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True, help="It stays on record.")
@with_app_context
def remove(address: str, reason: str) -> None:
    """Let an address be mailed again."""
    if not suppression_list.unsuppress(address):
        raise CommandError("this address is not on the list")
    audit.record("suppression.remove", "suppression", after={"reason": reason}, actor=audit.default_actor())
    db.session.commit()
    console.print("This address may be mailed again.")


@suppressions.command()
@click.argument("address")
@json_option
@with_app_context
def check(address: str, as_json: bool) -> None:
    """Say whether an address is on the list; exits 1 when it is not."""
    found = suppression_list.find_by_address(address)
    if as_json:
        click.echo(json.dumps({"suppressed": bool(found), "reason": found.reason if found else None}))
    else:
        console.print(f"On the list since {found.created_at:%Y-%m-%d}: {found.reason}" if found else "Not on the list.")
    if found is None:
        raise SystemExit(1)


@suppressions.command("import")
@click.argument("file", type=click.File(encoding="utf-8", errors="replace"))
@click.option("--reason", default="imported", show_default=True)
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@with_app_context
def import_(file: IO[str], reason: str, dry_run: bool) -> None:
    """Add the addresses of FILE: one to a line, or the first column of a CSV."""
    addresses, bad = suppression_list.parse_address_list(file.read())
    for number, line in bad[:50]:
        console.print(f"{file.name}:{number}: not an address: {line}")
    if dry_run:
        console.print(f"{len(addresses):,} addresses, {len(bad):,} bad lines; nothing was added.")
        return
    new = suppression_list.suppress_many(addresses, reason)
    after = {"addresses": len(addresses), "new": new, "reason": reason}
    audit.record("suppression.import", "suppression", after=after, actor=audit.default_actor())
    db.session.commit()
    console.print(f"{new:,} added, {len(addresses) - new:,} were on the list, {len(bad):,} bad lines left out.")


@suppressions.command()
@json_option
@with_app_context
def count(as_json: bool) -> None:
    """Count the list by reason."""
    found = suppression_list.count_by_reason()
    if as_json:
        click.echo(json.dumps(dict(found)))
        return
    for reason, n in found:
        console.print(f"{n:>9,}  {reason}")
    if not found:
        console.print("The list is empty.")
