"""`petition signatures export`: what a search finds, as CSV."""

from typing import IO

import click

from petition.core.terminal import in_app
from petition.exports.csv import COLUMNS, USUAL, Export
from petition.signatures.filters import read
from petition.signatures.options import WHICH
from petition.team import audit


@click.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@WHICH
@click.option("--columns", default=",".join(USUAL), show_default=True, help=f"Among {', '.join(COLUMNS)}.")
@in_app
def export(file: IO[str], columns: str, **chosen: str | None) -> None:
    """Write the signatures that are found to FILE, or to the terminal; who took what is on record."""
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    if hasattr(file, "reconfigure"):
        file.reconfigure(newline="")  # the lines end as RFC 4180 has them, and once
    for piece in Export(read(chosen), wanted, actor=audit.terminal_actor()):
        file.write(piece)
