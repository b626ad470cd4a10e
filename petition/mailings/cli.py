"""`petition mailings …`: create, preview, test, schedule, send, watch, pause, resume, cancel, report."""

import json
import time
from datetime import datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import click
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select

from petition.core.db import db
from petition.core.terminal import Mistake, console, in_app
from petition.mailings import audience, life, rehearse, schedule
from petition.mailings.document import read
from petition.mailings.emails import letter, petitions_of
from petition.mailings.models import SCHEDULED, SENDING, Mailing
from petition.mailings.report import report
from petition.mailings.terminal import picture
from petition.mailings.warnings import warnings
from petition.mailings.write import create as make
from petition.team import audit
from petition.team.accounts import find as find_account

JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def mailings() -> None:
    """Follow-up mailings to the signers who agreed."""


@mailings.command("list")
@JSON
@in_app
def list_(as_json: bool) -> None:
    """List the mailings, newest first."""
    found = list(db.session.scalars(select(Mailing).order_by(Mailing.id.desc()).limit(100)))
    if as_json:
        click.echo(json.dumps([{"id": m.id, "name": m.name, "state": m.state} for m in found], indent=1))
        return
    if not found:
        console.print("No mailing yet. Make one with: petition mailings create FILE.md")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "name", "state", "recipients", "begins"):
        table.add_column(heading, justify="right" if heading in ("id", "recipients") else "left")
    for mailing in found:
        n = f"{mailing.audience['recipients']:,}" if mailing.audience else "-"
        table.add_row(
            str(mailing.id),
            escape(mailing.name),
            mailing.state,
            n,
            _moment(mailing.started_at or mailing.send_at, mailing),
        )
    console.print(table)


@mailings.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@in_app
def create(file: IO[str]) -> None:
    """Make a draft out of FILE.md.

    Settings between two lines ---, then a section per language under a line such as `# fr: Subject`.
    """
    try:
        draft, mistakes = read(file.read())
    except UnicodeDecodeError as error:
        raise Mistake(f"{file.name}: not UTF-8 text ({error.reason})") from None
    if draft is None:
        raise Mistake("nothing was created\n" + "\n".join(f"{file.name}:{line}: {words}" for line, words in mistakes))
    mailing = make(draft, audit.terminal_actor())
    audience.count(mailing)
    db.session.commit()
    console.print(
        f"Created mailing [bold]{mailing.id}[/] ({escape(mailing.name)}; {', '.join(sorted(mailing.texts))})."
    )
    _tell_audience(mailing)
    console.print(f"Test it with: petition mailings test {mailing.id} --to ADDRESS")


def _tell_audience(mailing: Mailing) -> None:
    counted = mailing.audience or {}
    console.print(f"[bold]{counted['recipients']:,}[/] recipients.")
    for why, n in counted["left_out"].items():
        if n:
            console.print(f"  left out: {n:,} {why}")
    for warning in warnings(mailing):
        console.print(f"  [yellow]look at[/]: {escape(warning)}")


@mailings.command()
@click.argument("number", type=int)
@click.option("--language", help="One of the mailing's; the first if unset.")
@click.option("--html", is_flag=True, help="The HTML part in place of the text.")
@in_app
def preview(number: int, language: str | None, html: bool) -> None:
    """Print the mailing as one of its recipients would get it."""
    mailing = life.find(number)
    language = language or min(mailing.texts)
    if language not in mailing.texts:
        raise Mistake(f"it is not written in {language}: {', '.join(sorted(mailing.texts))}")
    reader = audience.sample(mailing, 1)[0]
    petitions, counted = petitions_of({reader.petition_id})
    email = letter(mailing, reader, petitions[reader.petition_id], counted[reader.petition_id], None, language=language)
    click.echo(email.html if html else f"Subject: {email.subject}\n\n{email.body}")


@mailings.command()
@click.argument("number", type=int)
@click.option("--to", "addresses", multiple=True, required=True, help="A colleague's address; once for each.")
@in_app
def test(number: int, addresses: tuple[str, ...]) -> None:
    """Send it to colleagues, in each of its languages."""
    accounts = [find_account(address) for address in addresses]
    n = rehearse.rehearse(life.find(number, lock=True), accounts, audit.terminal_actor())
    db.session.commit()
    console.print(f"{n} tests are on their way.")


def _plan(number: int, at: datetime | None, yes: bool) -> None:
    if not yes:
        mailing = life.find(number)
        question = f"Send “{mailing.name}” to {audience.count(mailing)['recipients']:,} recipients?"
        db.session.commit()  # no transaction stays open while a person thinks
        click.confirm(question, abort=True)
    mailing = life.find(number, lock=True)
    schedule.schedule(mailing, at.replace(tzinfo=at.tzinfo or ZoneInfo(mailing.timezone)) if at else None, None)
    db.session.commit()
    console.print(f"Scheduled: the first email leaves at {_moment(mailing.send_at, mailing)}.")
    console.print(f"Take it back with: petition mailings unschedule {number}")


@mailings.command("schedule")
@click.argument("number", type=int)
@click.option("--at", required=True, type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]), help="Campaign's time.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@in_app
def schedule_(number: int, at: datetime, yes: bool) -> None:
    """Have it sent at a moment, in the campaign's time zone."""
    _plan(number, at, yes)


@mailings.command()
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@in_app
def send(number: int, yes: bool) -> None:
    """Have it sent as soon as the time to take it back has passed."""
    _plan(number, None, yes)


def _step(name: str, done: str, help_text: str) -> None:
    @mailings.command(name, help=help_text)
    @click.argument("number", type=int)
    @in_app
    def command(number: int) -> None:
        mailing = life.find(number, lock=True)
        who = audit.terminal_actor()
        result = STEPS[name](mailing, f"by {who}")
        db.session.commit()
        console.print(f"[bold]{escape(mailing.name)}[/] {done.format(result)}")


STEPS: dict[str, Any] = {
    "unschedule": lambda mailing, _: schedule.unschedule(mailing),
    "pause": schedule.pause,
    "resume": lambda mailing, _: schedule.resume(mailing),
    "cancel": schedule.cancel,
    "retry": lambda mailing, _: schedule.retry_failed(mailing),
    "extend": lambda mailing, _: schedule.extend(mailing),
}
_step("unschedule", "is taken back: nothing was sent.", "Take it back before its first email.")
_step("pause", "is paused: nothing more is claimed, on any host.", "Hold it; it can be resumed.")
_step("resume", "goes on where it was held.", "Let it go on where it was held.")
_step("cancel", "is cancelled: what had not left never will.", "End it for good.")
_step("retry", "is tried again for {:,} recipients.", "Send it again where it failed.")
_step("extend", "goes to {:,} more recipients.", "Send it to those who joined its audience since.")


@mailings.command()
@click.argument("number", type=int)
@in_app
def watch(number: int) -> None:
    """Show how far it is until it is over; Ctrl-C ends the watching alone."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            mailing = life.find(number)
            live.update(picture(mailing), refresh=True)
            if mailing.state not in (SENDING, SCHEDULED):
                return
            db.session.rollback()
            time.sleep(1)


@mailings.command("report")
@click.argument("number", type=int)
@JSON
@in_app
def report_(number: int, as_json: bool) -> None:
    """Say what became of it: how many, why not, who left."""
    mailing = life.find(number)
    if as_json:
        click.echo(json.dumps(report(mailing), indent=1))
    else:
        console.print(picture(mailing))


def _moment(moment: datetime | None, mailing: Mailing) -> str:
    return f"{moment.astimezone(ZoneInfo(mailing.timezone)):%Y-%m-%d %H:%M} ({mailing.timezone})" if moment else "-"
