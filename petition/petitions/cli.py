"""`petition petitions …`: create, open, close, archive, restore, won, notice, list, show, import-paper, undo-paper."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import IO
from zoneinfo import ZoneInfo

import click

from petition.core.cli_support import CommandGroup, FoldingTable, console, with_app_context
from petition.core.db import db
from petition.core.front_matter import parse_command_file
from petition.petitions import lifecycle
from petition.petitions import queries as petition_queries
from petition.petitions.counters import get_count, get_counts
from petition.petitions.editing.file_parser import parse_document
from petition.petitions.labels import dropped_message
from petition.petitions.legal import imprint
from petition.petitions.legal.file_parser import parse_notice
from petition.petitions.markdown import find_dropped
from petition.petitions.models import Petition, PetitionState
from petition.petitions.paper.cli import import_paper, undo_paper
from petition.petitions.representation import represent_listed, represent_petition
from petition.team import audit

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=CommandGroup)
def petitions() -> None:
    """Petitions and open letters."""


@petitions.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--petition", "slug", help="Of this petition alone; else of the site.")
@with_app_context
def notice(file: IO[str], slug: str | None) -> None:
    """Write the legal notice and the privacy notice from FILE.md, in place of those there are.

    Settings between two lines --- (publisher, address, contact, director, host), then the privacy notice as a section
    per language under a line such as `# en: Privacy`.
    """
    values = parse_command_file(file, parse_notice)
    petition = petition_queries.find_by_slug(slug) if slug else None
    imprint.save(petition.id if petition else imprint.WHOLE_SITE, values)
    if petition:
        audit.record("legal.written", "petition", petition.slug)
    else:
        audit.record("legal.site_written", "site")
    db.session.commit()
    console.print(f"Written: the legal notice of {'the petition ' + petition.slug if petition else 'the site'}.")


petitions.add_command(import_paper)
petitions.add_command(undo_paper)


@petitions.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--open", "opens", is_flag=True, help="Open it for signing at once.")
@with_app_context
def create(file: IO[str], opens: bool) -> None:
    """Create a draft from FILE.md.

    Settings between two lines ---, then a section per language under a line such as `# fr: Title`.
    """
    document = parse_command_file(file, parse_document)
    petition = lifecycle.create(document)
    if opens:
        lifecycle.open_(petition)
    db.session.commit()
    for language, text in petition.texts.items():
        for dropped in find_dropped(text.body):
            console.print(f"Warning: text {language}, {dropped_message(dropped)}")
    languages = ", ".join(petition.texts)
    console.print(f"Created {petition.slug} ({petition.state_now}; {languages}).")
    if petition.state_now == PetitionState.DRAFT:
        console.print(f"Open it with: petition petitions open {petition.slug}")


def _transition(slug: str, transition: Callable[[Petition], None], done: str) -> None:
    petition = petition_queries.find_by_slug(slug)
    transition(petition)
    db.session.commit()
    console.print(f"{slug} {done}")


@petitions.command("open")
@click.argument("slug")
@with_app_context
def open_(slug: str) -> None:
    """Open a petition for signing."""
    _transition(slug, lifecycle.open_, "is open.")


@petitions.command()
@click.argument("slug")
@with_app_context
def close(slug: str) -> None:
    """Close a petition; confirmation links sent before work for 24 more hours."""
    _transition(slug, lifecycle.close, "is closed. Confirmation links sent before work for 24 more hours.")


@petitions.command()
@click.argument("slug")
@with_app_context
def archive(slug: str) -> None:
    """Take a closed petition out of public view."""
    _transition(slug, lifecycle.archive, "is archived: its text and names are taken down, its signatures are kept.")


@petitions.command()
@click.argument("slug")
@with_app_context
def restore(slug: str) -> None:
    """Put an archived petition back online, as closed."""
    _transition(slug, lifecycle.restore, "is public again, and closed to signing.")


@petitions.command()
@click.argument("slug")
@click.option("--undo", is_flag=True, help="Take it back.")
@with_app_context
def won(slug: str, undo: bool) -> None:
    """Say on its page that what a petition asks for was granted."""
    if undo:
        _transition(slug, lifecycle.unmark_won, "is no longer marked as won.")
    else:
        _transition(slug, lifecycle.mark_won, "is marked as won.")


@petitions.command("list")
@json_option
@with_app_context
def list_(as_json: bool) -> None:
    """List all petitions, newest first."""
    found = petition_queries.list_all()
    if as_json:
        counts = get_counts(found)
        shown = [represent_listed(petition, counts[petition.id]) for petition in found]
        click.echo(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    if not found:
        console.print("No petition yet. Create one with: petition petitions create FILE.md")
        return
    counted = get_counts(found)
    table = FoldingTable(
        "slug", "state", "confirmed", "paper", "total", "goal", "title", right=("confirmed", "paper", "total", "goal")
    )
    for petition in found:
        count = counted[petition.id]
        title = petition.text_in(petition.default_language).title
        numbers = (count.confirmed, count.paper, count.total, count.goal)
        table.add_row(petition.slug, petition.state_now, *(f"{number:,}" for number in numbers), title)
    console.print(table)


@petitions.command()
@click.argument("slug")
@json_option
@with_app_context
def show(slug: str, as_json: bool) -> None:
    """Show one petition's settings and count."""
    petition = petition_queries.find_by_slug(slug)
    if as_json:
        click.echo(json.dumps(represent_petition(petition), indent=1, ensure_ascii=False))
        return
    count = get_count(petition)
    table = FoldingTable()
    for name, value in (
        ("slug", petition.slug),
        ("kind", petition.kind.replace("_", " ")),
        ("state", petition.state_now),
        ("opens", _format_datetime(petition.opens_at, petition)),
        ("closes", _format_datetime(petition.closing_moment, petition)),
        ("sender", f"{petition.sender_name} <{petition.reply_to}>" if petition.reply_to else petition.sender_name),
        ("asks", ", ".join(petition.asks) or "name and address only"),
        ("public list", {"opt_in": "those who agree", "none": "none"}[petition.listing]),
        ("list in search engines", "indexed" if petition.list_indexed else "not indexed"),
        (
            "names may wait for",
            f"{petition.named_total or 'no number'} in all, {petition.named_profession or 'no number'} of a profession",
        ),
        ("disposable addresses", petition.disposable_addresses),
        ("proof of work", f"{petition.challenge}{', asked now' if petition.asks_challenge else ''}"),
        ("sites that may embed it", ", ".join(petition.embed_origins) or "none"),
        ("statistics", "public" if petition.statistics_public else "not public"),
        ("handed over", _format_datetime(petition.handed_over_at, petition)),
        (
            "names erased after",
            f"{petition.retention_months} months" if petition.retention_months else "as set for all",
        ),
        ("organisations", "may sign" if petition.accepts_organisations else "may not sign"),
        ("confirmed", f"{count.confirmed:,} ({count.people:,} people, {count.organisations:,} organisations)"),
        ("on paper", f"{count.paper:,}"),
        ("total", f"{count.total:,}"),
        *([("next goal", f"{count.goal:,}")] if petition.is_open else []),
        *((f"title ({language})", text.title) for language, text in petition.texts.items()),
    ):
        table.add_row(name, value)
    console.print(table)


def _format_datetime(moment: datetime | None, petition: Petition) -> str:
    return f"{moment.astimezone(ZoneInfo(petition.timezone)):%Y-%m-%d %H:%M} ({petition.timezone})" if moment else "-"
