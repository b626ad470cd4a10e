"""`petition queue …`: is mail flowing, why not, and what to do about it."""

import json
import time
from collections.abc import Callable
from typing import Any

import click
from rich.live import Live

from petition.core.cli_support import console, with_app_context
from petition.core.db import db
from petition.delivery import pauses
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING
from petition.operations import broker_stats, failures
from petition.operations.cli import output
from petition.operations.cli.actions import discard, mark_sent, retry
from petition.operations.cli.options import build_filter, delivery_filter_options, json_option
from petition.operations.health import Health, evaluate_health
from petition.operations.json_report import build_report, group_to_json
from petition.operations.reconcile import reconcile
from petition.operations.snapshot import Snapshot, take_snapshot
from petition.team import audit

PAUSE_SCOPES = click.Choice([EVERYTHING, *EMAIL_QUEUES])
WATCH_INTERVAL_SECONDS = 2.0  # seconds between two looks of `watch`


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def queue(context: click.Context, as_json: bool) -> None:
    """Is mail flowing? Without a command: the whole picture."""
    if context.invoked_subcommand is None:
        context.invoke(status, as_json=as_json)


def _read_status() -> tuple[Snapshot, broker_stats.BrokerStats, Health]:
    now, seen = take_snapshot(), broker_stats.read_broker_stats()
    db.session.rollback()
    return now, seen, evaluate_health(now, seen)


@queue.command()
@json_option
@with_app_context
def status(as_json: bool) -> None:
    """Show queues, workers, beat, broker, mail server and failures."""
    found = _read_status()
    if as_json:
        click.echo(json.dumps(build_report(*found), indent=1))
    else:
        console.print(output.render_status(*found))


@queue.command()
@click.option(
    "--every", type=click.FloatRange(0.2, 3600), default=WATCH_INTERVAL_SECONDS, show_default=True, help="Seconds."
)
@click.option("--times", type=click.IntRange(1), help="Looks, then end; without it until Ctrl-C.")
@json_option
@with_app_context
def watch(every: float, times: int | None, as_json: bool) -> None:
    """Show the same, live, until Ctrl-C; with --json one line for each look."""
    try:
        if as_json or not console.is_terminal:
            _repeat(every, times, lambda: click.echo(json.dumps(build_report(*_read_status()))))
        else:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                _repeat(every, times, lambda: live.update(output.render_status(*_read_status()), refresh=True))
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
@json_option
@with_app_context
def check(as_json: bool) -> None:
    """Say in one line whether mail flows, and exit with 0 (ok), 1 (slow) or 2 (stuck), as monitoring plugins do."""
    now, _, verdict = _read_status()
    queue = now.queues["confirmations"]
    if as_json:
        click.echo(json.dumps({"state": verdict.state, "oldest": verdict.oldest, "reasons": [
            {"state": reason.state, "words": reason.message()} for reason in verdict.reasons]}))  # fmt: skip
    else:
        words = " ".join(reason.message() for reason in verdict.reasons) or "mail flows."
        figures = f"oldest={queue.oldest or 0:.1f}s;{now.slow_after:g};{now.stuck_after:g} waiting={queue.waiting}"
        click.echo(f"PETITION {('OK', 'WARNING', 'CRITICAL')[verdict.exit_code]} - {words} | {figures}")
    raise SystemExit(verdict.exit_code)


@queue.command()
@click.argument("queue", type=PAUSE_SCOPES)
@click.option("--reason", default="paused by hand", show_default=True, help="Shown to the others.")
@json_option
@with_app_context
def pause(queue: str, reason: str, as_json: bool) -> None:
    """Hold back a queue; what is being sent still goes out, and signing goes on."""
    who = audit.default_actor()
    pauses.pause(queue, reason[:200], who)
    audit.record("queue.paused", "queue", queue, after={"reason": reason[:200]}, actor=who)
    db.session.commit()
    _print_result(
        as_json, {"queue": queue, "paused": True}, f"{queue}: paused. Signing goes on; resume it with `resume {queue}`."
    )


@queue.command()
@click.argument("queue", type=PAUSE_SCOPES)
@json_option
@with_app_context
def resume(queue: str, as_json: bool) -> None:
    """Let a queue go on."""
    was_held = pauses.resume(queue)
    if was_held:
        audit.record("queue.resumed", "queue", queue, actor=audit.default_actor())
    db.session.commit()
    words = f"{queue}: resumed, the next sweep starts it." if was_held else f"{queue}: was not paused."
    _print_result(as_json, {"queue": queue, "paused": False, "was_paused": was_held}, words)


@queue.command("failures")
@delivery_filter_options
@json_option
@with_app_context
def show_failures(queue: str | None, state: str | None, cause: str | None, domain: str | None, as_json: bool) -> None:
    """Show what is put off, failed or unknown, by cause and recipient domain."""
    which = build_filter(queue, state, cause, domain).to_dict()
    now = take_snapshot()
    found = [
        group
        for group in failures.list_groups(limit=1_000_000 if which else failures.MAX_GROUPS)
        if all(getattr(group, name) == value for name, value in which.items())
    ]
    db.session.rollback()
    if as_json:
        click.echo(json.dumps([group_to_json(group) for group in found], indent=1))
    elif found:
        console.print(output.render_failures(found, now.at))
    else:
        console.print("Nothing is put off, failed or unknown." if not which else "Nothing like that.")


@queue.command("reconcile")
@json_option
@with_app_context
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


def _print_result(as_json: bool, data: dict[str, Any], words: str) -> None:
    if as_json:
        click.echo(json.dumps(data))
    else:
        console.print(words)


for command in (retry, discard, mark_sent):
    queue.add_command(command)
