"""`petition retention …`: what is kept, what will be anonymised and when; run what is due, postpone it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from flask import current_app
from rich.text import Text

from petition.core.cli_support import CommandError, CommandGroup, console, with_app_context
from petition.core.db import db
from petition.petitions.queries import find_by_slug
from petition.retention import announcements, rules
from petition.retention.anonymise import anonymise_due
from petition.retention.folding import fold_old
from petition.retention.schedule import Plan, PlanState, list_plans
from petition.team import audit

MAX_RUN_SECONDS = 3600.0
DAY = click.DateTime(["%Y-%m-%d"])


@click.group(cls=CommandGroup)
def retention() -> None:
    """What is kept for how long, and what will be anonymised when."""


@retention.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app_context
def show(as_json: bool) -> None:
    """Show what will happen to the signatures of each petition: a dry run."""
    plans = list_plans()
    if as_json:
        settings = {
            name.lower(): {"value": current_app.config[name], "unit": unit} for name, unit in rules.UNITS.items()
        }
        click.echo(json.dumps({"settings": settings, "petitions": [_to_dict(plan) for plan in plans]}, indent=1))
        return
    if not plans:
        console.print("No petition yet.")
    for plan in plans:
        console.print(Text.assemble((plan.petition.slug, "bold"), f" ({plan.petition.state_now})"))
        console.print(f"  {_describe(plan)}")
        if plan.restricted:
            console.print(f"  Use restricted, so kept back until that is lifted: {plan.restricted:,} signatures.")


def _describe(plan: Plan) -> str:
    done, number = plan.retention, f"{plan.count.confirmed:,} signatures and {plan.count.paper:,} on paper"
    day = _day(plan, plan.runs_at)
    return {
        PlanState.OPEN: f"No date yet, as it has no closing date. {plan.months} months after it closes.",
        PlanState.PLANNED: f"On {day}: {number} will be anonymised. The team is notified 30 days before.",
        PlanState.ANNOUNCED: f"On {day}: {number} will be anonymised. The team was notified on "
        f"{_day(plan, done.announced_at)}.",
        PlanState.DUE: f"Now: {number} are anonymised by the next run.",
        PlanState.WAITING: f"Due since {day}: {number}; waits for mailings to end: {', '.join(plan.mailings)}.",
        PlanState.RUNNING: f"Since {_day(plan, done.started_at)}: {done.signatures:,} of {number} are anonymised.",
        PlanState.DONE: f"Anonymised on {_day(plan, done.finished_at)}: {done.signatures:,} signatures and "
        f"{done.paper:,} on paper.",
    }[plan.state]


def _day(plan: Plan, moment: datetime | None) -> str:
    return f"{moment.astimezone(ZoneInfo(plan.petition.timezone)):%Y-%m-%d}" if moment else "-"


def _to_dict(plan: Plan) -> dict[str, Any]:
    done = plan.retention
    times = {
        "closes_at": plan.petition.closing_moment, "handed_over_at": plan.petition.handed_over_at,
        "unconfirmed_deleted_at": plan.unconfirmed_deleted_at, "networks_erased_at": plan.networks_erased_at,
        "due_at": plan.due_at, "runs_at": plan.runs_at, "announced_at": done.announced_at,
        "postponed_until": done.postponed_until, "started_at": done.started_at, "finished_at": done.finished_at,
    }  # fmt: skip
    return {
        "petition": plan.petition.slug, "state": plan.state, "months": plan.months,
        "signatures": plan.count.confirmed, "paper": plan.count.paper, "mailings_under_way": plan.mailings,
        "restricted": plan.restricted,
        "postponed_reason": done.postponed_reason, "anonymised": {"signatures": done.signatures, "paper": done.paper},
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
    }  # fmt: skip


@retention.command()
@with_app_context
def run() -> None:
    """Do now what the maintenance worker does: announce, anonymise what is due, fold old emails."""
    announced = announcements.announce_due()
    petitions = anonymise_due(MAX_RUN_SECONDS)
    folded = fold_old(MAX_RUN_SECONDS)
    console.print(f"Announced: {announced}. Petitions anonymised: {petitions}. Emails folded: {folded:,}.")


@retention.command()
@click.argument("slug")
@click.option("--until", type=DAY, required=True, help="The earliest day, such as 2026-12-31.")
@click.option("--reason", required=True, help="It stays in the audit trail.")
@with_app_context
def postpone(slug: str, until: datetime, reason: str) -> None:
    """Postpone the anonymisation of a petition."""
    petition = find_by_slug(slug, lock=True)
    announcements.postpone(petition, until.date(), reason, actor=audit.default_actor())
    db.session.commit()
    text = f": not before {until:%Y-%m-%d}. The team is notified 30 days before."
    console.print(Text.assemble((slug, "bold"), text))


@retention.command("hand-over")
@click.argument("slug")
@click.option("--on", type=DAY, help="The day, such as 2026-12-31; today if not given.")
@click.option("--undo", is_flag=True, help="It was not handed over after all.")
@with_app_context
def hand_over(slug: str, on: datetime | None, undo: bool) -> None:
    """Record that a petition's signatures were handed over."""
    if undo and on:
        raise CommandError("--on and --undo exclude each other")
    petition = find_by_slug(slug, lock=True)
    day = None if undo else (on or datetime.now(ZoneInfo(petition.timezone))).date()
    announcements.record_handover(petition, day, actor=audit.default_actor())
    db.session.commit()
    console.print(Text.assemble((slug, "bold"), " was not handed over." if undo else f" was handed over on {day}."))


@retention.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="docs/privacy.md")
def document(file: Path) -> None:
    """Write the table of what is kept into FILE, between its marks (for developers)."""
    try:
        file.write_text(rules.replace_table(file.read_text(encoding="utf-8")), encoding="utf-8")
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from None
