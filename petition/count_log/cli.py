"""`petition count-log …`: make a key; append now and say what the log of a petition says."""

import secrets
from base64 import b64encode

import click

from petition.core.cli_support import CommandGroup, console, with_app_context
from petition.count_log import log
from petition.petitions.queries import find_by_slug


@click.group("count-log", cls=CommandGroup)
def count_log() -> None:
    """The public log of the count, which anybody can check."""


@count_log.command("new-key")
def new_key() -> None:
    """Print a new value for PETITION_COUNT_LOG_KEY. Keep it secret, and keep it."""
    click.echo(b64encode(secrets.token_bytes(log.SEED_BYTES)).decode())


@count_log.command()
@click.argument("slug")
@with_app_context
def show(slug: str) -> None:
    """Append what waits, and print the checkpoint of a petition's log and its public key."""
    petition = find_by_slug(slug)
    while log.append_batch() == log.BATCH_SIZE:
        pass
    checkpoint = log.get_checkpoint(petition.id)
    if checkpoint is None:
        console.print("Nobody has confirmed yet: the log is empty.")
        return
    console.print(f"{checkpoint.size} entries: {checkpoint.people} people, {checkpoint.organisations} organisations.")
    if checkpoint.note is None:
        console.print("Not signed: set PETITION_COUNT_LOG_KEY (petition count-log new-key).")
        return
    click.echo(f"\n{checkpoint.note}\nKey: {checkpoint.verifier_key}")
