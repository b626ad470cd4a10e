"""`petition suppressions …`: the list of addresses that are never emailed."""

import json
from typing import IO

import click

from petition.core.cli_support import CommandError, CommandGroup, console, with_app_context
from petition.core.db import db
from petition.core.hashing import key_tag, secret_keys
from petition.delivery.suppressions import keys as suppression_keys
from petition.delivery.suppressions import suppression_list
from petition.delivery.suppressions.address_list import decode_list, extract_address, parse_address_list
from petition.operations.actions import suppression_actions
from petition.operations.cli.options import json_option

MAX_BAD_LINES_SHOWN = 50


@click.group(cls=CommandGroup)
def suppressions() -> None:
    """Addresses that are never emailed, stored as keyed hashes."""


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True)
@with_app_context
def add(address: str, reason: str) -> None:
    """Suppress an address: it is never emailed again."""
    suppression_actions.add(address, reason)
    db.session.commit()
    console.print("This address will not be emailed again.")


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True, help="Kept in the audit trail.")
@with_app_context
def remove(address: str, reason: str) -> None:
    """Allow an address to be emailed again."""
    if not suppression_actions.remove(address, reason):
        raise CommandError("this address is not on the list")
    db.session.commit()
    console.print("This address may be emailed again.")


@suppressions.command()
@click.argument("address")
@json_option
@with_app_context
def check(address: str, as_json: bool) -> None:
    """Say whether an address is on the list; exit with 1 when it is not."""
    found = suppression_list.find_by_address(extract_address(address) or address)
    if as_json:
        click.echo(json.dumps({"suppressed": bool(found), "reason": found.reason if found else None}))
    else:
        console.print(f"On the list since {found.created_at:%Y-%m-%d}: {found.reason}" if found else "Not on the list.")
    if found is None:
        raise SystemExit(1)


@suppressions.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--reason", default="imported", show_default=True)
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@with_app_context
def import_(file: IO[bytes], reason: str, dry_run: bool) -> None:
    """Add the addresses of FILE: one per line, or a CSV with the address in one of its columns."""
    addresses, bad_lines = parse_address_list(decode_list(file.read()))
    for number, line in bad_lines[:MAX_BAD_LINES_SHOWN]:
        console.print(f"{file.name}:{number}: not an address: {line}")
    if dry_run:
        console.print(f"{len(addresses):,} addresses, {len(bad_lines):,} bad lines; nothing was added.")
        return
    new = suppression_actions.import_addresses(addresses, reason)
    db.session.commit()
    known = len(addresses) - new
    console.print(f"{new:,} added, {known:,} already on the list, {len(bad_lines):,} bad lines ignored.")


@suppressions.command()
@json_option
@with_app_context
def count(as_json: bool) -> None:
    """Count the addresses by reason."""
    reasons = suppression_list.count_by_reason()
    if as_json:
        click.echo(json.dumps(dict(reasons)))
        return
    for reason, n in reasons:
        console.print(f"{n:>9,}  {reason}")
    if not reasons:
        console.print("The list is empty.")


@suppressions.command()
@json_option
@with_app_context
def keys(as_json: bool) -> None:
    """Count the addresses by the secret key that finds them: which key may be dropped."""
    counts = suppression_keys.count_by_key()
    names = {suppression_keys.UNTAGGED: "key not recorded, by an earlier version"}
    for number, key in enumerate(secret_keys()):
        names[key_tag(key)] = f"SECRET_KEY_FALLBACKS, number {number}" if number else "SECRET_KEY"
        counts.setdefault(key_tag(key), 0)
    if as_json:
        click.echo(json.dumps({tag or "unknown": n for tag, n in counts.items()}))
        return
    for tag, n in counts.items():
        console.print(f"{n:>9,}  {tag or '-':4}  {names.get(tag, 'not configured: these addresses are emailed')}")


@suppressions.command("drop-key")
@click.argument("tag")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_app_context
def drop_key(tag: str, yes: bool) -> None:
    """Give up the addresses that stand under a key that is lost, by its TAG."""
    count = suppression_keys.count_lost().get(tag)
    if not count:
        raise CommandError("no address stands under a key with this tag that is not configured")
    if not yes:
        click.confirm(f"{count:,} addresses may be emailed again, for good. Continue?", abort=True)
    suppression_actions.drop_key(tag)
    db.session.commit()
    console.print(f"{count:,} addresses were taken off the list.")
