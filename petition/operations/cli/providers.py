"""`petition queue providers`: who is mailed how fast, limits, another try, full speed again."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.console import Group, RenderableType
from rich.text import Text
from sqlalchemy import func, select

from petition.core.cli_support import CommandError, CommandGroup, console, with_app_context
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.pacing.actions import ProviderPace, list_providers
from petition.operations.actions import provider_actions
from petition.operations.actions.provider_remedies import get_remedy
from petition.operations.cli.options import json_option
from petition.operations.labels import describe_pace
from petition.operations.statistics.json_report import to_json
from petition.team import audit


@click.group("providers", cls=CommandGroup, invoke_without_command=True)
@json_option
@click.pass_context
@with_app_context
def providers(context: click.Context, as_json: bool) -> None:
    """Show the mail providers that are not mailed at full speed, why, and what to do."""
    if context.invoked_subcommand is not None:
        return
    found, now = list_providers(), db.session.execute(select(func.now())).scalar_one()
    db.session.rollback()
    if as_json:
        click.echo(json.dumps([provider_to_json(provider) for provider in found], indent=1))
    elif found:
        console.print(Group(*(_render_provider(provider, describe_pace(provider, now)) for provider in found)))
    else:
        console.print("All providers are mailed at full speed.")


def provider_to_json(provider: ProviderPace) -> dict[str, object]:
    """Return one provider as plain data, with what to do in English."""
    data: dict[str, object] = to_json(asdict(provider) | {"remedy": get_remedy(provider.reply_class)})
    return data


def _render_provider(provider: ProviderPace, pace: str) -> RenderableType:
    lines = [Text.assemble((provider.name, "bold"), f"  {pace}; {provider.waiting:,} emails wait")]
    if provider.response and provider.reply_class:
        lines += [Text(f"  {provider.response}"), Text(f"  {get_remedy(provider.reply_class)}")]
    return Group(*lines)


@providers.command()
@click.argument("provider")
@click.option("--per-hour", default="", help="Emails an hour, on all queues together; without it, no limit.")
@click.option("--connections", default="", help="Connections at once, of all workers; without it, no limit.")
@json_option
@with_app_context
def limit(provider: str, per_hour: str, connections: str, as_json: bool) -> None:
    """Limit a provider, named by any of its domains, for good; without options, end its limits."""
    try:
        name = provider_actions.limit(provider, per_hour, connections, audit.default_actor())
    except ValidationError as error:
        raise CommandError(" ".join(error.errors.values())) from None
    db.session.commit()
    data = {"provider": name, "per_hour": per_hour or None, "max_connections": connections or None}
    _print(as_json, data, f"{name}: limits saved.")


@providers.command("try")
@click.argument("provider")
@json_option
@with_app_context
def try_now(provider: str, as_json: bool) -> None:
    """End the back-off from a provider: one email is tried; if it is taken, the others follow."""
    done = provider_actions.try_now(provider)
    db.session.commit()
    message = "one email is tried within seconds." if done else "no back-off to end."
    _print(as_json, {"provider": provider, "tried": done}, f"{provider}: {message}")


@providers.command()
@click.argument("provider")
@json_option
@with_app_context
def resume(provider: str, as_json: bool) -> None:
    """Mail a provider at full speed again, within its limits."""
    done = provider_actions.resume(provider)
    db.session.commit()
    message = "mailed at full speed again." if done else "was not slowed down."
    _print(as_json, {"provider": provider, "resumed": done}, f"{provider}: {message}")


def _print(as_json: bool, data: Mapping[str, object], message: str) -> None:
    if as_json:
        click.echo(json.dumps(data))
    else:
        console.print(message)
