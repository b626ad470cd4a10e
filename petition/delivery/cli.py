"""`petition queue …`: what waits, what is held back."""

import click
from rich.table import Table
from sqlalchemy import func, select

from petition.core.db import db
from petition.core.terminal import console, in_app
from petition.delivery import holds
from petition.delivery.lanes import EVERYTHING, LANES
from petition.delivery.models import DEFERRED, DUE, SENDING, Delivery

SCOPES = click.Choice([EVERYTHING, *LANES])


@click.group(invoke_without_command=True)
@click.pass_context
def queue(context: click.Context) -> None:
    """Show what waits in each lane; pause or resume a lane."""
    if context.invoked_subcommand is None:
        context.invoke(status)


@queue.command()
@in_app
def status() -> None:
    """Show what waits in each lane, and what is held back."""
    states = (DUE, SENDING, DEFERRED)
    query = select(Delivery.lane, Delivery.state, func.count()).where(Delivery.state.in_(states))
    found = {(lane, state): n for lane, state, n in db.session.execute(query.group_by(Delivery.lane, Delivery.state))}
    held = {hold.scope: hold for hold in holds.holds()}
    table = Table(box=None, header_style="bold")
    for heading in ("lane", *states, "held back"):
        table.add_column(heading, justify="right" if heading in states else "left")
    for lane in LANES:
        hold = held.get(lane) or held.get(EVERYTHING)
        table.add_row(lane, *(f"{found.get((lane, state), 0):,}" for state in states), hold.reason if hold else "-")
    console.print(table)
    if "server" in held:
        console.print(
            f"The mail server is left alone until {held['server'].until:%H:%M:%S} UTC: {held['server'].reason}"
        )


@queue.command()
@click.argument("lane", type=SCOPES)
@click.option("--reason", default="paused by hand", help="Shown to the others.")
@in_app
def pause(lane: str, reason: str) -> None:
    """Hold back a lane; what is being sent still goes out, and signing goes on."""
    holds.hold(lane, reason[:200])
    db.session.commit()
    console.print(f"{lane}: paused.")


@queue.command()
@click.argument("lane", type=SCOPES)
@in_app
def resume(lane: str) -> None:
    """Let a lane go on."""
    was_held = holds.unhold(lane)
    db.session.commit()
    console.print(f"{lane}: resumed, the next sweep starts it." if was_held else f"{lane}: was not paused.")
