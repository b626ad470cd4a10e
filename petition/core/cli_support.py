"""What every command shares: the application it runs in, and mistakes told in one line."""

from collections.abc import Callable
from functools import wraps
from typing import IO, Any, TypeVar

import click
from flask_babel import force_locale
from rich.console import Console
from sqlalchemy.exc import OperationalError

from petition.core.db import describe_connection_error
from petition.core.exceptions import DomainError

F = TypeVar("F", bound=Callable[..., Any])

console = Console(highlight=False, soft_wrap=True)


class CommandError(click.ClickException):
    """Ends a command with one line that says what to do."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line the way every start of this project does."""
        click.echo(f"petition: {self.message}", file=file, err=file is None)


def with_app_context(command: F) -> F:
    """Run a command inside the application that the `petition` group provides; a refusal ends it with one line."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with (
            click.get_current_context().find_object(AppProvider)() as app,  # type: ignore[misc]
            app.app_context(),
            # Commands speak English, their numbers too.
            force_locale("en"),
        ):
            try:
                return command(*args, **kwargs)
            except DomainError as refusal:
                raise CommandError(str(refusal)) from None
            except OperationalError as error:
                raise CommandError(describe_connection_error(error)) from None

    return run  # type: ignore[return-value]


class AppProvider:
    """Makes the application, when a command needs it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __call__(self) -> Any:
        """Return a context manager that yields the application."""
        return self._make()
