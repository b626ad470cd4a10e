"""`petition team …`: invite, list, change roles, disable, enable, reset a second factor."""

import json

import click

from petition.core.cli_support import CommandError, CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from petition.team import accounts, audit, credentials, links
from petition.team.auth.provider import members as provider_members
from petition.team.models import TEAM_ROLES, Account


@click.group(cls=CommandGroup)
def team() -> None:
    """Members of the team: operators, campaigners, senders, admins."""


@team.command()
@click.argument("address")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(TEAM_ROLES), help="Can be repeated.")
@click.option("--name", default="", help="Display name; the member can change it.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default=DEFAULT_LANGUAGE, show_default=True)
@click.option("--print-link", is_flag=True, help="Also print the link: whoever has it can join.")
@with_app_context
def invite(address: str, roles: tuple[str, ...], name: str, language: str, print_link: bool) -> None:
    """Mail an invitation: a link that is valid once, for a week."""
    account = accounts.invite(address, set(roles), name, language, actor=audit.default_actor())
    db.session.commit()
    console.print(f"{account.email}: invited as {', '.join(account.role_names)}.")
    if print_link:
        console.print(links.invitation_url(account))


@team.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@with_app_context
def list_(as_json: bool) -> None:
    """List the accounts."""
    members = accounts.list_all()
    if as_json:
        click.echo(json.dumps([_to_dict(account) for account in members], indent=1))
        return
    if not members:
        console.print(
            "No account yet. Create the first one with: petition team invite ADDRESS --role admin --print-link"
        )
        return
    table = FoldingTable("address", "name", "roles", "second factor", "last sign-in", "state")
    for account in members:
        last = f"{account.last_sign_in_at:%Y-%m-%d %H:%M}" if account.last_sign_in_at else "never"
        factor = "yes" if account.has_second_factor else "not yet"
        table.add_row(account.email, account.name or "-", ", ".join(account.role_names), factor, last, _state(account))
    console.print(table)


def _state(account: Account) -> str:
    if not account.active:
        return "disabled"
    return "invited" if account.is_invited else "active"


def _to_dict(account: Account) -> dict[str, object]:
    return {
        "address": account.email, "name": account.name, "roles": account.role_names, "state": _state(account),
        "second_factor": account.has_second_factor,
        "last_sign_in": account.last_sign_in_at.isoformat() if account.last_sign_in_at else None,
    }  # fmt: skip


@team.command(context_settings={"ignore_unknown_options": True})
@click.argument("address")
@click.argument("changes", nargs=-1, required=True, metavar="+ROLE|-ROLE...")
@with_app_context
def role(address: str, changes: tuple[str, ...]) -> None:
    """Add or remove roles: `petition team role ADDRESS +sender -operator`."""
    account = accounts.get_by_email(address, lock=True)
    roles = set(account.role_names)
    for change in changes:
        if change[:1] not in "+-" or change[1:] not in TEAM_ROLES:
            raise CommandError(f"{change}: write +ROLE or -ROLE, with one of {', '.join(TEAM_ROLES)}")
        (roles.add if change[0] == "+" else roles.discard)(change[1:])
    accounts.set_roles(account, roles, actor=audit.default_actor())
    db.session.commit()
    console.print(f"{account.email}: {', '.join(account.role_names)}. Effective with the next request.")


def _set_active(address: str, active: bool) -> None:
    account = accounts.get_by_email(address, lock=True)
    accounts.set_active(account, active, actor=audit.default_actor())
    db.session.commit()
    state = "enabled" if active else "disabled"
    console.print(f"{account.email}: {state}. Effective with the next request.")


@team.command()
@click.argument("address")
@with_app_context
def disable(address: str) -> None:
    """Disable an account; its audit trail stays."""
    _set_active(address, False)


@team.command()
@click.argument("address")
@with_app_context
def enable(address: str) -> None:
    """Enable a disabled account."""
    _set_active(address, True)


@team.command("unlink-provider")
@click.argument("address")
@with_app_context
def unlink_provider(address: str) -> None:
    """Forget who a member is at the sign-in provider; the next sign-in there with this address links it again."""
    account = accounts.get_by_email(address, lock=True)
    provider_members.unlink(account, audit.default_actor())
    db.session.commit()
    console.print(f"{account.email}: no longer linked to the sign-in provider, signed out, and notified by email.")


@team.command("reset-second-factor")
@click.argument("address")
@with_app_context
def reset_second_factor(address: str) -> None:
    """Let a member who lost it set up a new one: deletes authenticator, passkeys and recovery codes."""
    account = accounts.get_by_email(address, lock=True)
    credentials.reset_second_factor(account, audit.default_actor())
    db.session.commit()
    console.print(
        f"{account.email}: second factor reset, signed out, and notified by email. The next sign-in by password "
        "sets up a new one."
    )
