"""The `petition` command: thin calls into verbs."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import click
from flask import Flask, current_app

from config import BadSetting, Config
from petition import create_app
from petition.core import schema
from petition.core.db import db
from petition.core.terminal import Mistake, Provider, console, in_app
from petition.demo import CAMPAIGN
from petition.demo.play import play
from petition.exports.cli import export
from petition.mailings.cli import mailings
from petition.operations.bounce_cli import bounces, suppressions
from petition.operations.cli import queue
from petition.petitions import publish
from petition.petitions.cli import petitions
from petition.petitions.document import read
from petition.signatures.cli import signatures
from petition.team.accounts import first_link
from petition.team.cli import team

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default="instance",
    show_default=True,
    help="Folder of the embedded engines.",
)


FIRST_SIGN_IN = "first-sign-in"  # a file's name, known to petition.embedded.supervisor as well
# What `petition up` provides by itself, where its settings are read before it does.
STAND_INS = {
    "SECRET_KEY": "0" * 32,
    "DATABASE_URL": "postgresql:///petition",
    "REDIS_URL": "redis://localhost",
    "PUBLIC_URL": "http://localhost",
    "MAIL_DEFAULT_SENDER": "petition@localhost",
    "PETITION_EMBEDDED": "1",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@DATA
@click.version_option(package_name="petition")
@click.pass_context
def cli(context: click.Context, data: Path) -> None:
    """Email-verified petitions: sign, confirm by email, be counted.

    `petition up` runs everything on this machine. The other commands use the stack that runs under --data, or the
    engines named by DATABASE_URL and REDIS_URL.
    """
    context.obj = Provider(partial(_application, data))


def _supervisor() -> ModuleType:
    """Return what runs the embedded engines; a deployment on its own engines does without their packages."""
    try:
        return importlib.import_module("petition.embedded.supervisor")
    except ModuleNotFoundError as missing:
        raise Mistake(
            f"DATABASE_URL is not set, and the embedded engines are not installed ({missing.name} is missing)"
        ) from None


@contextmanager
def _application(data: Path) -> Iterator[Flask]:
    """Yield the application: on the settings' engines, on the running stack's, or on embedded ones for this command."""
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        yield create_app(_config(os.environ))
        return
    if not data.exists():
        raise Mistake(f"nothing runs on {data}/ and there is no data: `petition up` first, or say where with --data")
    with _supervisor().engines(data, os.environ) as environ:
        app = create_app(_config(environ))
        with app.app_context():
            # Engines that were made for this command have an empty database.
            schema.upgrade()
        yield app


def _config(environ: dict[str, str] | os._Environ[str]) -> Config:
    quiet = {"PETITION_LOG_LEVEL": environ.get("PETITION_LOG_LEVEL", "WARNING")}
    return Config({**environ, **quiet})


@cli.command()
@DATA
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Of the web pages.")
def up(data: Path, port: int) -> None:
    """Run everything on this machine; Ctrl-C stops it.

    Engines, web, workers, beat and a mailbox that catches every email.
    """
    # Every mistake in the settings is told before anything starts.
    given = {name for setting in os.environ for name in (setting, setting.removesuffix("_FILE"))}
    Config({**{name: value for name, value in STAND_INS.items() if name not in given}, **os.environ})
    sys.exit(_supervisor().up(data, port, os.environ))


@cli.command()
@DATA
@click.option("--url", help="A running stack in embedded mode; else the one under --data, or one for this run.")
@click.option("--people", type=click.IntRange(0, 100_000), default=600, show_default=True)
@click.option("--organisations", type=click.IntRange(0, 30), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the names.")
def demo(data: Path, url: str | None, people: int, organisations: int, seed: int) -> None:
    """Play a whole campaign and check its figures.

    People and organisations sign, receive their links, follow them, and are counted.
    """
    if url:
        sys.exit(play(url, people, organisations, seed, console))
    with _supervisor().running(data, os.environ) as base_url:
        code = play(base_url, people, organisations, seed, console)
    sys.exit(code)


@cli.group("db")
def database() -> None:
    """The database's schema."""


@database.command()
@in_app
def upgrade() -> None:
    """Apply the migrations that the database lacks."""
    before = schema.revision()
    schema.upgrade()
    after = schema.revision()
    console.print(f"Already at {after}." if before == after else f"Upgraded to {after}.")


@database.command()
@in_app
def restored() -> None:
    """After a restore, before anything starts: give out no number again that an email's link may carry."""
    tables = schema.skip_numbers()
    db.session.commit()
    console.print(f"{tables} tables go on with numbers that nobody was given.")


@database.command()
@click.argument("message")
@in_app
def revise(message: str) -> None:
    """Write the migration that the models ask for (for developers)."""
    schema.revise(message)


@database.command()
@in_app
def prepare() -> None:
    """Apply the migrations and, if there is no petition yet, open the demo campaign; for `petition up`.

    Without any account, leaves the link that makes the first admin where `petition up` shows it.
    """
    schema.upgrade()
    if not publish.every():
        petition = publish.create(read(CAMPAIGN.read_text(encoding="utf-8")))
        publish.open_(petition)
        db.session.commit()
    link, folder = first_link(), current_app.config["PETITION_READY_DIR"]
    if link and folder:
        (folder / FIRST_SIGN_IN).write_text(link, encoding="ascii")


cli.add_command(petitions)
signatures.add_command(export)
cli.add_command(signatures)
cli.add_command(team)
cli.add_command(mailings)
cli.add_command(bounces)
cli.add_command(suppressions)
cli.add_command(queue)


def main() -> None:
    """Run the command; a setting that cannot be used ends it with one line."""
    try:
        cli()
    except BadSetting as problem:
        sys.exit(f"petition: {problem}")
    except OSError as problem:
        sys.exit(f"petition: {problem.filename or 'this machine'}: {problem.strerror or problem}")


if __name__ == "__main__":
    main()
