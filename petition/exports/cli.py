"""`petition signatures export`: what a search finds, as CSV."""

from typing import IO

import click

from petition.core.cli_support import with_app_context
from petition.exports.signatures_csv import COLUMNS, DEFAULT_COLUMNS, SignaturesExport
from petition.signatures.cli import filter_options
from petition.signatures.search.filters import parse_filter
from petition.team import audit


@click.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@filter_options
@click.option("--columns", default=",".join(DEFAULT_COLUMNS), show_default=True, help=f"Among {', '.join(COLUMNS)}.")
@with_app_context
def export(file: IO[str], columns: str, **chosen: str | None) -> None:
    """Write the signatures that are found to FILE, or to standard output. The audit trail records the export."""
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if hasattr(file, "reconfigure"):
        file.reconfigure(newline="")  # the lines end in CRLF already (RFC 4180)
    for chunk in SignaturesExport(parse_filter(chosen), names, actor=audit.default_actor()):
        file.write(chunk)
