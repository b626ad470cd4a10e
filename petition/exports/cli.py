"""`petition signatures export`: what a search finds, as CSV or XLSX."""

from typing import IO

import click

from petition.core.cli_support import with_app_context
from petition.core.i18n import LANGUAGES, SOURCE_LANGUAGE
from petition.exports.columns import COLUMNS, DEFAULT_COLUMNS
from petition.exports.file_formats import FILE_FORMATS, FileFormat
from petition.exports.signatures_export import SignaturesExport
from petition.signatures.cli import filter_options
from petition.signatures.search.filters import parse_filter
from petition.team import audit


@click.command()
@click.argument("file", type=click.File("wb"), default="-")
@filter_options
@click.option("--columns", default=",".join(DEFAULT_COLUMNS), show_default=True, help=f"Among {', '.join(COLUMNS)}.")
@click.option(
    "--format", "file_format", type=click.Choice(FILE_FORMATS),
    help="By default what the file's name ends with, else csv.",
)  # fmt: skip
@click.option(
    "--language",
    type=click.Choice(tuple({**LANGUAGES, SOURCE_LANGUAGE: ""})),
    default=SOURCE_LANGUAGE,
    show_default=True,
)
@with_app_context
def export(file: IO[bytes], columns: str, file_format: str | None, language: str, **chosen: str | None) -> None:
    """Write the signatures that are found to FILE, or to standard output. The audit trail records the export."""
    names = [name.strip() for name in columns.split(",") if name.strip()]
    by_name = FileFormat.XLSX if str(file.name).endswith(".xlsx") else FileFormat.CSV
    chosen_format = FileFormat(file_format or by_name)
    for chunk in SignaturesExport(parse_filter(chosen), names, chosen_format, language, audit.default_actor()):
        file.write(chunk)
