"""`petition queue …`: is mail flowing, why not, and what to do about it."""

import json
import time
from collections.abc import Callable
from typing import Any

import click
from rich.live import Live

from petition.core.db import db
from petition.core.terminal import console, in_app
from petition.delivery import holds
from petition.delivery.lanes import EVERYTHING, LANES
from petition.operations import broker, failures, terminal
from petition.operations.act_cli import discard, mark_sent, retry
from petition.operations.options import JSON, WHICH, filter_of
from petition.operations.reconcile import reconcile
from petition.operations.report import plain_group, report
from petition.operations.snapshot import Snapshot, take
from petition.operations.verdict import Verdict, judge
from petition.team import audit

SCOPES = click.Choice([EVERYTHING, *LANES])
EVERY = 2.0  # seconds between two looks of `watch`


@click.group(invoke_without_command=True)
@JSON
@click.pass_context
def queue(context: click.Context, as_json: bool) -> None:
    """Is mail flowing? Without a command: the whole picture."""
    if context.invoked_subcommand is None:
        context.invoke(status, as_json=as_json)


def _look() -> tuple[Snapshot, broker.Broker, Verdict]:
    now, seen = take(), broker.look()
    db.session.rollback()
    return now, seen, judge(now, seen)


@queue.command()
@JSON
@in_app
def status(as_json: bool) -> None:
    """Show lanes, workers, beat, broker, mail server and failures."""
    found = _look()
    if as_json:
        click.echo(json.dumps(report(*found), indent=1))
    else:
        console.print(terminal.picture(*found))


@queue.command()
@click.option("--every", type=click.FloatRange(0.2, 3600), default=EVERY, show_default=True, help="Seconds.")
@click.option("--times", type=click.IntRange(1), help="Looks, then end; without it until Ctrl-C.")
@JSON
@in_app
def watch(every: float, times: int | None, as_json: bool) -> None:
    """Show the same, live, until Ctrl-C; with --json one line for each look."""
    try:
        if as_json or not console.is_terminal:
            _repeat(every, times, lambda: click.echo(json.dumps(report(*_look()))))
        else:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                _repeat(every, times, lambda: live.update(terminal.picture(*_look()), refresh=True))
    except KeyboardInterrupt:
        return


def _repeat(every: float, times: int | None, show: Callable[[], Any]) -> None:
    done = 0
    while True:
        show()
        done += 1
        if done == times:
            return
        time.sleep(every)


@queue.command()
@JSON
@in_app
def check(as_json: bool) -> None:
    """Say in one line whether mail flows, and exit with 0 (ok), 1 (slow) or 2 (stuck), as monitoring plugins do."""
    now, _, verdict = _look()
    lane = now.lanes["confirmations"]
    if as_json:
        click.echo(json.dumps({"state": verdict.state, "oldest": verdict.oldest, "reasons": [
            {"state": reason.state, "words": reason.words()} for reason in verdict.reasons]}))  # fmt: skip
    else:
        words = " ".join(reason.words() for reason in verdict.reasons) or "mail flows."
        figures = f"oldest={lane.oldest or 0:.1f}s;{now.slow_after:g};{now.stuck_after:g} waiting={lane.waiting}"
        click.echo(f"PETITION {('OK', 'WARNING', 'CRITICAL')[verdict.code]} - {words} | {figures}")
    raise SystemExit(verdict.code)


@queue.command()
@click.argument("lane", type=SCOPES)
@click.option("--reason", default="paused by hand", show_default=True, help="Shown to the others.")
@JSON
@in_app
def pause(lane: str, reason: str, as_json: bool) -> None:
    """Hold back a lane; what is being sent still goes out, and signing goes on."""
    who = audit.terminal_actor()
    holds.hold(lane, reason[:200], who)
    audit.record("lane.paused", "lane", lane, after={"reason": reason[:200]}, actor=who)
    db.session.commit()
    _say(as_json, {"lane": lane, "paused": True}, f"{lane}: paused. Signing goes on; resume it with `resume {lane}`.")


@queue.command()
@click.argument("lane", type=SCOPES)
@JSON
@in_app
def resume(lane: str, as_json: bool) -> None:
    """Let a lane go on."""
    was_held = holds.unhold(lane)
    if was_held:
        audit.record("lane.resumed", "lane", lane, actor=audit.terminal_actor())
    db.session.commit()
    words = f"{lane}: resumed, the next sweep starts it." if was_held else f"{lane}: was not paused."
    _say(as_json, {"lane": lane, "paused": False, "was_paused": was_held}, words)


@queue.command("failures")
@WHICH
@JSON
@in_app
def show_failures(lane: str | None, state: str | None, cause: str | None, domain: str | None, as_json: bool) -> None:
    """Show what is put off, failed or unknown, by cause and recipient domain."""
    which = filter_of(lane, state, cause, domain).given()
    now = take()
    found = [
        group
        for group in failures.groups(limit=1_000_000 if which else failures.GROUPS_SHOWN)
        if all(getattr(group, name) == value for name, value in which.items())
    ]
    db.session.rollback()
    if as_json:
        click.echo(json.dumps([plain_group(group) for group in found], indent=1))
    elif found:
        console.print(terminal.failures(found, now.at))
    else:
        console.print("Nothing is put off, failed or unknown." if not which else "Nothing like that.")


@queue.command("reconcile")
@JSON
@in_app
def run_reconcile(as_json: bool) -> None:
    """Compare every figure with the rows it counts, as every night, and mend what differs."""
    found = reconcile()
    plain = [{"what": d.what, "id": d.subject_id, "found": d.found, "expected": d.expected} for d in found]
    if as_json:
        click.echo(json.dumps(plain))
        return
    for drift in plain:
        console.print(f"{drift['what']} {drift['id'] or ''}: {drift['found']:,} → {drift['expected']:,}")
    console.print("All figures agree with the rows." if not found else f"{len(found):,} differences, mended.")


def _say(as_json: bool, data: dict[str, Any], words: str) -> None:
    if as_json:
        click.echo(json.dumps(data))
    else:
        console.print(words)


for command in (retry, discard, mark_sent):
    queue.add_command(command)
