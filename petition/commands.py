"""The commands of `petition`: the features' command groups, and `up`, `demo`, `db`."""

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

from config import Config
from petition.app import create_app
from petition.backups.cli import backup
from petition.core import migrations, schema
from petition.core.cli_support import (
    AppProvider,
    CommandError,
    CommandGroup,
    console,
    with_any_schema,
    with_app_context,
)
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.core.front_matter import keep_offered_languages
from petition.core.settings.checks import BadSetting
from petition.count_log.cli import count_log
from petition.delivery.queues import QUEUE_NAMES
from petition.demo import CAMPAIGN_FILE, NOTICE_FILE
from petition.demo.runner import run_demo
from petition.exports.cli import export
from petition.mailings.cli import mailings
from petition.operations.cli.bounces import bounces
from petition.operations.cli.doctor import doctor
from petition.operations.cli.queue import queue
from petition.operations.cli.suppressions import suppressions
from petition.operations.workers.worker_health import check_worker
from petition.petitions import lifecycle
from petition.petitions import queries as petition_queries
from petition.petitions.cli import petitions
from petition.petitions.editing.file_parser import parse_document
from petition.petitions.legal import imprint
from petition.petitions.legal.file_parser import parse_notice
from petition.privacy.cli import requests
from petition.retention.cli import retention
from petition.signatures.cli import signatures
from petition.team import audit
from petition.team.cli import team
from petition.team.links import first_admin_url

DATA_OPTION = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default="instance",
    show_default=True,
    help="Folder of the embedded engines.",
)


FIRST_SIGN_IN_FILE = "first-sign-in"  # the same name in petition.local_stack.supervisor
# Placeholders of what `petition up` provides, so that the other settings are validated before anything starts.
EMBEDDED_DEFAULTS = {
    "SECRET_KEY": "0" * 32,
    "DATABASE_URL": "postgresql:///petition",
    "REDIS_URL": "redis://localhost",
    "PUBLIC_URL": "http://localhost",
    "MAIL_DEFAULT_SENDER": "petition@localhost",
    "PETITION_EMBEDDED": "1",
}


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@DATA_OPTION
@click.version_option(package_name="petition")
@click.pass_context
def cli(context: click.Context, data: Path) -> None:
    """Email-verified petitions: sign, confirm by email, be counted.

    `petition up` runs everything on this machine. The other commands use the stack running on --data, or the
    engines of DATABASE_URL and REDIS_URL.
    """
    context.obj = AppProvider(partial(_open_app, data))


def _load_local_stack(module: str) -> ModuleType:
    """Import a module of `petition.local_stack`, whose packages are optional."""
    try:
        return importlib.import_module(f"petition.local_stack.{module}")
    except ModuleNotFoundError as error:
        raise CommandError(
            f"the embedded engines are not installed ({error.name} is missing): pip install 'petition[embedded]',"
            " or set DATABASE_URL and the other settings of README.md"
        ) from None


@contextmanager
def _open_app(data: Path) -> Iterator[Flask]:
    """Yield the application on the engines of the settings, of the running stack, or started for this command."""
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        yield create_app(_load_config(os.environ))
        return
    if not data.exists():
        raise CommandError(
            f"no stack is running on {data}/, and it does not exist: run `petition up` first, or give --data"
        )
    with _load_local_stack("connect").provide_services(data, os.environ) as environ:
        app = create_app(_load_config(environ))
        with app.app_context():
            # Engines started for this command may have an empty database.
            try:
                migrations.upgrade()
            except DomainError as error:
                raise CommandError(str(error)) from None
        yield app


def _load_config(environ: dict[str, str] | os._Environ[str]) -> Config:
    try:
        return Config({"PETITION_LOG_LEVEL": "WARNING", **environ})
    except BadSetting as error:
        raise CommandError(str(error)) from None


@cli.command()
@DATA_OPTION
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Of the web server.")
def up(data: Path, port: int) -> None:
    """Run everything on this machine; Ctrl-C stops it.

    Engines, web, workers, beat and a mailbox that catches every email.
    """
    given = {name for setting in os.environ for name in (setting, setting.removesuffix("_FILE"))}
    Config({**{name: value for name, value in EMBEDDED_DEFAULTS.items() if name not in given}, **os.environ})
    sys.exit(_load_local_stack("supervisor").up(data, port, os.environ))


@cli.command()
@DATA_OPTION
@click.option(
    "--url", help="URL of a running local stack. Default: the one on --data, else one started for this command."
)
@click.option("--people", type=click.IntRange(0, 100_000), default=600, show_default=True)
@click.option("--organisations", type=click.IntRange(0, 30), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random names.")
def demo(data: Path, url: str | None, people: int, organisations: int, seed: int) -> None:
    """Simulate a campaign and check its counts.

    People and organisations sign, receive their links, open them and confirm.
    """
    if url:
        sys.exit(run_demo(url, people, organisations, seed, console))
    with _load_local_stack("connect").provide_stack(data, os.environ) as base_url:
        code = run_demo(base_url, people, organisations, seed, console)
    sys.exit(code)


@cli.command("worker-health")
@click.argument("queue", type=click.Choice(QUEUE_NAMES))
def worker_health(queue: str) -> None:
    """Exit with 0 if the worker of a queue on this host answers, for health checks."""
    sys.exit(check_worker(_load_config(os.environ).BROKER_URL, queue))  # type: ignore[attr-defined]


@cli.group("db")
def database() -> None:
    """Database schema and maintenance."""


@database.command()
@with_any_schema
def upgrade() -> None:
    """Apply pending migrations."""
    before = migrations.read_schema()
    migrations.upgrade()
    if before.is_newer:
        head = schema.head_revision()
        console.print(f"The database is at {before.revision}, newer than this code ({head}), which may run on it.")
        return
    if before.revision == schema.head_revision():
        console.print(f"Already at {before.revision}.")
        return
    after = {"revision": schema.head_revision()}
    audit.record("database.upgraded", "database", before={"revision": before.revision}, after=after)
    db.session.commit()
    console.print(f"Upgraded to {schema.head_revision()}.")


@database.command("skip-ids")
@with_app_context
def skip_ids() -> None:
    """Skip ids that mailed links may contain: a part of `petition backup restored`, which runs after a restore."""
    tables = migrations.skip_ids()
    audit.record("database.ids_skipped", "database", after={"tables": tables, "ids": migrations.SKIPPED_IDS})
    db.session.commit()
    console.print(f"Skipped {migrations.SKIPPED_IDS:,} ids in each of {tables} tables.")


@database.command("make-migration")
@click.argument("message")
@with_any_schema
def make_migration(message: str) -> None:
    """Generate a migration from the models (for developers)."""
    migrations.make_migration(message)


@database.command()
@with_any_schema
def prepare() -> None:
    """Prepare the database of `petition up`: apply migrations, and open the demo campaign if there is no petition.

    Without any account, writes the link that creates the first admin to a file, which `petition up` prints.
    """
    migrations.upgrade()
    if not petition_queries.list_all():
        notice, campaign = (
            keep_offered_languages(file.read_text(encoding="utf-8")) for file in (NOTICE_FILE, CAMPAIGN_FILE)
        )
        if notice and campaign:
            imprint.save(imprint.WHOLE_SITE, parse_notice(notice))
            lifecycle.open_(lifecycle.create(parse_document(campaign)))
            db.session.commit()
    link, folder = first_admin_url(), current_app.config["PETITION_READY_DIR"]
    if link and folder:
        (folder / FIRST_SIGN_IN_FILE).write_text(link, encoding="ascii")


cli.add_command(petitions)
signatures.add_command(export)
cli.add_command(signatures)
cli.add_command(team)
cli.add_command(mailings)
cli.add_command(bounces)
cli.add_command(suppressions)
cli.add_command(retention)
cli.add_command(count_log)
cli.add_command(queue)
cli.add_command(doctor)
cli.add_command(backup)
cli.add_command(requests)


def main() -> None:
    """Run the command. A bad setting or an operating system error ends it with one line."""
    try:
        cli()
    except BadSetting as error:
        sys.exit(f"petition: {error}")
    except OSError as error:
        sys.exit(f"petition: {error.filename or 'this machine'}: {error.strerror or error}")
