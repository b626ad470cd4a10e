"""`petition queue …`: whether mail flows, why not, and actions on the mail queue."""

import json
import time
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from rich.live import Live

from petition.core.cli_support import CommandGroup, console, with_app_context
from petition.core.db import db
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING
from petition.operations import failures
from petition.operations.actions import queue_actions
from petition.operations.cli import output
from petition.operations.cli.actions import discard, mark_sent, retry
from petition.operations.cli.options import build_filter, delivery_filter_options, json_option
from petition.operations.cli.providers import providers
from petition.operations.health import quick_check
from petition.operations.health.evaluation import Health, evaluate_health
from petition.operations.statistics import broker_stats
from petition.operations.statistics.json_report import build_report, group_to_json
from petition.operations.statistics.reconcile import reconcile
from petition.operations.statistics.snapshot import Snapshot, take_snapshot
from petition.team import audit

PAUSE_SCOPES = click.Choice([EVERYTHING, *EMAIL_QUEUES])
WATCH_INTERVAL_SECONDS = 2.0
MAX_FILTERED_GROUPS = 1_000_000  # groups searched for those that match a filter


@click.group(cls=CommandGroup, invoke_without_command=True)
@json_option
@click.pass_context
def queue(context: click.Context, as_json: bool) -> None:
    """Is mail flowing? Without a command: `status`."""
    if context.invoked_subcommand is None:
        context.invoke(status, as_json=as_json)


def _read_status() -> tuple[Snapshot, broker_stats.BrokerStats, Health]:
    snapshot, broker = take_snapshot(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"])
    db.session.rollback()
    return snapshot, broker, evaluate_health(snapshot.facts, broker)


@queue.command()
@json_option
@with_app_context
def status(as_json: bool) -> None:
    """Show queues, workers, beat, broker, mail server and failures."""
    current = _read_status()
    if as_json:
        click.echo(json.dumps(build_report(*current), indent=1))
    else:
        console.print(output.render_status(*current))


@queue.command()
@click.option(
    "--every", type=click.FloatRange(0.2, 3600), default=WATCH_INTERVAL_SECONDS, show_default=True, help="Seconds."
)
@click.option("--times", type=click.IntRange(1), help="End after so many updates; without it, until Ctrl-C.")
@json_option
@with_app_context
def watch(every: float, times: int | None, as_json: bool) -> None:
    """Show the status live, until Ctrl-C; with --json one line for each update."""
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
    # petition/cli.py answers this without the application; here is what it falls back to, without a running stack.
    config = current_app.config
    result = quick_check.check(
        config["DATABASE_URL"], config["BROKER_URL"], config["PETITION_SLOW_AFTER"], config["PETITION_STUCK_AFTER"]
    )
    click.echo(result.data if as_json else result.line)
    raise SystemExit(result.code)


@queue.command()
@click.argument("queue", type=PAUSE_SCOPES)
@click.option("--reason", default="no reason given", show_default=True, help="Shown to other operators.")
@json_option
@with_app_context
def pause(queue: str, reason: str, as_json: bool) -> None:
    """Pause a queue; emails being sent are finished, and signing goes on."""
    queue_actions.pause_queue(queue, reason, audit.default_actor())
    db.session.commit()
    message = f"{queue}: paused. Signing goes on; resume it with `resume {queue}`."
    _print_result(as_json, {"queue": queue, "paused": True}, message)


@queue.command()
@click.argument("queue", type=PAUSE_SCOPES)
@json_option
@with_app_context
def resume(queue: str, as_json: bool) -> None:
    """Resume a queue."""
    was_paused = queue_actions.resume_queue(queue)
    db.session.commit()
    message = f"{queue}: resumed, the next sweep starts it." if was_paused else f"{queue}: was not paused."
    remaining = queue_actions.list_still_paused(queue)
    for pause in remaining:
        message += f"\n{pause.scope}: still paused ({pause.reason}); `resume {pause.scope}` ends it."
    data = {"queue": queue, "paused": bool(remaining), "was_paused": was_paused}
    _print_result(as_json, data | {"still_paused": [pause.scope for pause in remaining]}, message)


@queue.command("failures")
@delivery_filter_options
@json_option
@with_app_context
def show_failures(queue: str | None, state: str | None, cause: str | None, domain: str | None, as_json: bool) -> None:
    """Show deferred, failed and unknown emails by cause and recipient domain."""
    which = build_filter(queue, state, cause, domain).to_dict()
    snapshot = take_snapshot()
    groups = [
        group
        for group in failures.list_groups(limit=MAX_FILTERED_GROUPS if which else failures.MAX_GROUPS)
        if all(getattr(group, name) == value for name, value in which.items())
    ]
    db.session.rollback()
    if as_json:
        click.echo(json.dumps([group_to_json(group) for group in groups], indent=1))
    elif groups:
        console.print(output.render_failures(groups, snapshot.at))
    else:
        console.print("No email matches." if which else "No email is deferred, failed or unknown.")


@queue.command("reconcile")
@json_option
@with_app_context
def run_reconcile(as_json: bool) -> None:
    """Compare every statistic with the rows it counts, as every night, and correct differences."""
    drifts = [{"what": d.what, "id": d.subject_id, "found": d.found, "expected": d.expected} for d in reconcile()]
    audit.record("statistics.reconciled", "statistics", after={"differences": len(drifts)})
    db.session.commit()
    if as_json:
        click.echo(json.dumps(drifts))
        return
    for drift in drifts:
        console.print(f"{drift['what']} {drift['id'] or ''}: {drift['found']:,} → {drift['expected']:,}")
    console.print(f"{len(drifts):,} differences, corrected." if drifts else "All statistics agree with the rows.")


def _print_result(as_json: bool, data: dict[str, Any], message: str) -> None:
    if as_json:
        click.echo(json.dumps(data))
    else:
        console.print(message)


for command in (retry, discard, mark_sent, providers):
    queue.add_command(command)
