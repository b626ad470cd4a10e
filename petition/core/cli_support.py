"""Shared by all commands: the console, the application context, and errors printed as one line."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import IO, Any, Final, TypeVar

import click
from flask_babel import force_locale
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import OperationalError

from petition.core.db import describe_connection_error
from petition.core.exceptions import DomainError
from petition.core.health import require_schema

F = TypeVar("F", bound=Callable[..., Any])

# Text in square brackets is text: what a server answered or a person wrote is printed as it is.
console = Console(highlight=False, soft_wrap=True, markup=False)


LEFT: Final = "left"
RIGHT: Final = "right"


class FoldingTable(Table):
    """A table whose cells are folded to the width of the terminal, or to 80 columns where output is piped.

    Nothing is ever cut, no line ends in spaces, and text in square brackets is text.
    """

    def __init__(self, *headings: str, right: Collection[str] = (), gap: int = 1) -> None:
        """Make a table with a column for each heading; those in `right` hold numbers. Without headings: two columns."""
        super().__init__(
            box=None, show_header=bool(headings), header_style="bold", pad_edge=False, padding=(0, gap, 0, 0)
        )
        for heading in headings:
            self.add_column(heading, justify=RIGHT if heading in right else LEFT, overflow="fold")
        if not headings:
            self.add_column(style="bold", no_wrap=True)
            self.add_column(overflow="fold")

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row of plain texts, or of what Rich renders."""
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table without the spaces that Rich puts after the last cell of each line."""
        parts = super().__rich_console__(console, options)
        for line in Segment.split_lines(part for part in parts if isinstance(part, Segment)):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                last = line.pop()
                line.append(Segment(last.text.rstrip(), last.style))
            yield from (*line, Segment.line())


class CommandGroup(click.Group):
    """A group whose help says the whole first sentence of each command; Click cuts it at the end of the line."""

    group_class = type  # of groups in this one

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands, each with its first sentence."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands[name].get_short_help_str(1000)) for name in sorted(self.commands)])


class CommandError(click.ClickException):
    """An error that ends a command with exit code 1 and one line that says what to do."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line as wsgi.py and worker.py print theirs."""
        click.echo(f"petition: {self.message}", file=file, err=file is None)


def with_app_context(command: F) -> F:
    """Run a command inside the application that the `petition` group provides; a domain error ends it with one line.

    So does a schema that is not of this code.
    """
    return _with_app_context(command, require_schema)


def with_any_schema(command: F) -> F:
    """Run a command inside the application as `with_app_context` does, whatever the schema of the database."""
    return _with_app_context(command, lambda: None)


def _with_app_context(command: F, check: Callable[[], None]) -> F:

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with (
            click.get_current_context().find_object(AppProvider)() as app,  # type: ignore[misc]
            app.app_context(),
            # Commands print English, and numbers in the English format.
            force_locale("en"),
        ):
            try:
                check()
                return command(*args, **kwargs)
            except DomainError as error:
                raise CommandError(str(error)) from None
            except OperationalError as error:
                raise CommandError(describe_connection_error(error)) from None

    return run  # type: ignore[return-value]


class AppProvider:
    """Creates the application when a command needs it; the object of the root command's context."""

    def __init__(self, open_app: Callable[[], Any]) -> None:
        self._open_app = open_app

    def __call__(self) -> Any:
        """Return a context manager that yields the application."""
        return self._open_app()
