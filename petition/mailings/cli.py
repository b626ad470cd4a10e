"""`petition mailings …`: create, preview, test, schedule, send, watch, pause, resume, cancel, report."""

import json
import time
from datetime import datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import click
from rich.live import Live
from rich.text import Text
from sqlalchemy import select

from petition.core.cli_support import CommandError, CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.core.front_matter import parse_command_file
from petition.mailings import actions, lifecycle
from petition.mailings.audience.preview import count_audience, sample_recipients
from petition.mailings.cli_output import format_time, render_progress
from petition.mailings.drafting import test_emails
from petition.mailings.drafting.drafts import create as create_mailing
from petition.mailings.drafting.file_parser import parse_mailing
from petition.mailings.drafting.preflight import run_preflight_checks
from petition.mailings.emails import build_preview
from petition.mailings.models import Mailing, MailingState
from petition.mailings.report import build_report
from petition.team import audit
from petition.team.accounts import get_by_email as get_account

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=CommandGroup)
def mailings() -> None:
    """Follow-up mailings to the signers who agreed."""


@mailings.command("list")
@json_option
@with_app_context
def list_(as_json: bool) -> None:
    """List the mailings, newest first."""
    found = list(db.session.scalars(select(Mailing).order_by(Mailing.id.desc()).limit(100)))
    if as_json:
        click.echo(json.dumps([{"id": m.id, "name": m.name, "state": m.state} for m in found], indent=1))
        return
    if not found:
        console.print("No mailing yet. Create one with: petition mailings create FILE.md")
        return
    table = FoldingTable("id", "name", "state", "recipients", "start", right=("id", "recipients"))
    for mailing in found:
        n = f"{mailing.audience['recipients']:,}" if mailing.audience else "-"
        table.add_row(
            str(mailing.id),
            mailing.name,
            mailing.state,
            n,
            format_time(mailing.started_at or mailing.send_at, mailing),
        )
    console.print(table)


@mailings.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@with_app_context
def create(file: IO[str]) -> None:
    """Create a draft from FILE.md.

    Settings between two lines ---, then a section per language under a line such as `# fr: Subject`.
    """
    draft = parse_command_file(file, parse_mailing)
    mailing = create_mailing(draft, audit.default_actor())
    count_audience(mailing)
    db.session.commit()
    console.print(f"Created mailing {mailing.id} ({mailing.name}; {', '.join(sorted(mailing.texts))}).")
    _print_audience(mailing)
    console.print(f"Test it with: petition mailings test {mailing.id} --to ADDRESS")


def _print_audience(mailing: Mailing) -> None:
    counted = mailing.audience or {}
    console.print(f"{counted['recipients']:,} recipients.", style="bold")
    for reason, n in counted["left_out"].items():
        if n:
            console.print(f"  excluded: {n:,} {reason}")
    for warning in run_preflight_checks(mailing):
        console.print(Text.assemble("  ", ("check", "yellow"), f": {warning}"))


@mailings.command()
@click.argument("number", type=int)
@click.option("--language", help="One of the mailing's; the first if unset.")
@click.option("--html", is_flag=True, help="The HTML part in place of the text.")
@with_app_context
def preview(number: int, language: str | None, html: bool) -> None:
    """Print the mailing as one of its recipients would get it."""
    mailing = lifecycle.find(number)
    language = language or min(mailing.texts)
    if language not in mailing.texts:
        raise CommandError(f"it has no text in {language}, only in: {', '.join(sorted(mailing.texts))}")
    email = build_preview(mailing, sample_recipients(mailing, 1)[0], language)
    click.echo(email.html if html else f"Subject: {email.subject}\n\n{email.body}")


@mailings.command()
@click.argument("number", type=int)
@click.option("--to", "addresses", multiple=True, required=True, help="A colleague's address; once for each.")
@with_app_context
def test(number: int, addresses: tuple[str, ...]) -> None:
    """Send test emails to colleagues, in each of the mailing's languages."""
    accounts = [get_account(address) for address in addresses]
    n = test_emails.enqueue_tests(lifecycle.find(number, lock=True), accounts, audit.default_actor())
    db.session.commit()
    console.print(f"{n} test emails are on their way.")


def _schedule(number: int, at: datetime | None, yes: bool) -> None:
    if not yes:
        mailing = lifecycle.find(number)
        actions.require_schedulable(mailing, _in_zone(at, mailing))
        question = f"Send “{mailing.name}” to {count_audience(mailing)['recipients']:,} recipients?"
        db.session.commit()  # no transaction stays open while the command waits for an answer
        click.confirm(question, abort=True)
    mailing = lifecycle.find(number, lock=True)
    actions.schedule(mailing, _in_zone(at, mailing), None)
    db.session.commit()
    console.print(f"Scheduled: the first email is sent at {format_time(mailing.send_at, mailing)}.")
    console.print(f"Undo with: petition mailings unschedule {number}")


def _in_zone(at: datetime | None, mailing: Mailing) -> datetime | None:
    return at.replace(tzinfo=at.tzinfo or ZoneInfo(mailing.timezone)) if at else None


@mailings.command("schedule")
@click.argument("number", type=int)
@click.option(
    "--at", required=True, type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]), help="In the mailing's time zone."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_app_context
def schedule_(number: int, at: datetime, yes: bool) -> None:
    """Schedule it for a time, in the mailing's time zone."""
    _schedule(number, at, yes)


@mailings.command()
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_app_context
def send(number: int, yes: bool) -> None:
    """Send it as soon as the undo window has passed."""
    _schedule(number, None, yes)


def _add_action_command(name: str, done: str, help_text: str) -> None:
    @mailings.command(name, help=help_text)
    @click.argument("number", type=int)
    @with_app_context
    def command(number: int) -> None:
        mailing = lifecycle.find(number, lock=True)
        result = ACTIONS[name](mailing, f"by {audit.default_actor()}")
        db.session.commit()
        console.print(Text.assemble((mailing.name, "bold"), f" {done.format(result)}"))


ACTIONS: dict[str, Any] = {
    "unschedule": lambda mailing, _: actions.unschedule(mailing),
    "pause": actions.pause,
    "resume": lambda mailing, _: actions.resume(mailing),
    "cancel": actions.cancel,
    "retry": lambda mailing, _: actions.retry_failed(mailing),
    "add-recipients": lambda mailing, _: actions.add_recipients(mailing),
}
_add_action_command("unschedule", "is unscheduled: no email was sent.", "Undo the scheduling before the first email.")
_add_action_command("pause", "is paused on every host.", "Pause it; it can be resumed.")
_add_action_command("resume", "is resumed where it stopped.", "Resume it where it stopped.")
_add_action_command("cancel", "is cancelled: the emails not sent yet never will be.", "Cancel it for good.")
_add_action_command("retry", "is tried again; recipients: {:,}.", "Retry the failed emails.")
_add_action_command(
    "add-recipients", "goes on; new recipients: {:,}.", "Send it to those who have joined its audience since."
)


@mailings.command()
@click.argument("number", type=int)
@with_app_context
def watch(number: int) -> None:
    """Show the progress until the mailing ends; Ctrl-C stops watching, not the mailing."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            mailing = lifecycle.find(number)
            live.update(render_progress(mailing), refresh=True)
            if mailing.state not in (MailingState.SENDING, MailingState.SCHEDULED):
                return
            db.session.rollback()
            time.sleep(1)


@mailings.command("report")
@click.argument("number", type=int)
@json_option
@with_app_context
def report_(number: int, as_json: bool) -> None:
    """Print the counts: recipients by state, failure reasons, unsubscribes."""
    mailing = lifecycle.find(number)
    if as_json:
        click.echo(json.dumps(build_report(mailing), indent=1))
    else:
        console.print(render_progress(mailing))
