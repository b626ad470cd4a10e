"""How the desk names a petition's fields and states, and what a change means for those who signed."""

from collections.abc import Sequence

from flask_babel import gettext as _

from petition.core.countries import list_countries
from petition.core.i18n import LANGUAGES, current_language
from petition.petitions.counters import Count
from petition.petitions.editing import FieldChange
from petition.petitions.models import PetitionState


def field_label(field: str) -> str:
    """Return the name of a field; of a text's field, with its language."""
    language, dot, word = field.rpartition(".")
    names = {
        "kind": _("Kind"),
        "slug": _("Address"),
        "default_language": _("Its own language"),
        "sender_name": _("Published by"),
        "reply_to": _("Replies go to"),
        "opens": _("Opens"),
        "closes": _("Closes"),
        "timezone": _("Time zone"),
        "asks": _("What signers are asked"),
        "listing": _("Public list of names"),
        "organisations": _("Organisations may sign"),
        "milestones": _("Milestones"),
        "title": _("Title"),
        "summary": _("Summary"),
        "addressee": _("Addressee"),
        "body": _("Text"),
        "professions": _("Professions to suggest"),
    }
    return _("%(field)s, in %(language)s", field=names[word], language=LANGUAGES[language]) if dot else names[word]


def value_label(field: str, value: str) -> str:
    """Return a field's value as people say it."""
    known = {
        ("kind", "petition"): _("petition"),
        ("kind", "open_letter"): _("open letter"),
        ("listing", "opt_in"): _("those who agree"),
        ("listing", "none"): _("no list"),
        ("organisations", "on"): _("yes"),
        ("organisations", ""): _("no"),
    }
    if field == "asks":
        return ", ".join(ask_labels()[ask] for ask in value.split(", ") if ask in ask_labels())
    if field in ("opens", "closes"):
        return value.replace("T", " ")
    return known.get((field, value), LANGUAGES.get(value, value) if field == "default_language" else value)


def ask_labels() -> dict[str, str]:
    """Return what a petition may ask its signers for."""
    return {
        "profession": _("Profession or role"),
        "city": _("Town"),
        "postal_code": _("Postal code"),
        "country": _("Country"),
    }


def petition_state_label(state: str) -> str:
    """Return the label of a petition's state."""
    labels: dict[str, str] = {
        PetitionState.DRAFT: _("draft"),
        PetitionState.OPEN: _("open"),
        PetitionState.CLOSED: _("closed to signing"),
        PetitionState.ARCHIVED: _("archived"),
    }
    return labels[state]


def describe_consequences(changed: Sequence[FieldChange], count: Count) -> list[str]:
    """Return what changes of a public petition mean for those who signed and those who will."""
    after = {change.field: change.after for change in changed}
    before = {change.field: change.before for change in changed}
    words = {field.rpartition(".")[2] for field in after if "." in field}
    found = []
    if count.confirmed and words & {"title", "summary", "addressee", "body"}:
        found.append(
            _(
                "Everyone who signed did so under the present words. Mend what is wrong in them; what they agreed to "
                "should stay."
            )
        )
    for language in LANGUAGES:
        if before.get(f"{language}.body") and not after.get(f"{language}.body", "kept"):
            found.append(_("%(language)s is no longer offered.", language=LANGUAGES[language]))
    known = {
        "sender_name": _(
            "Who agrees to receive news from now on agrees to this name. Those who did before agreed to the old one."
        ),
        "asks": _("The form asks for this from now on. What was given before stays."),
        "listing": _("The names leave the public page at once.")
        if after.get("listing") == "none"
        else _("The names of those who agreed, and of no others, appear on the public page at once."),
        "organisations": _("Organisations can sign from now on.")
        if after.get("organisations")
        else _("Organisations can no longer sign. Those that did stay."),
        "opens": _("Whether people can sign follows these dates, to the minute."),
        "closes": _("Whether people can sign follows these dates, to the minute."),
    }
    return list(dict.fromkeys(found + [known[field] for field in after if field in known]))


def dimension_label(dimension: str) -> str:
    """Return what a table of figures counts by."""
    return {
        "source": _("Source"),
        "language": _("Language"),
        "profession": _("Profession or role"),
        "city": _("Town"),
        "area": _("Postal codes that begin with"),
        "country": _("Country"),
    }[dimension]


def dimension_value_label(dimension: str, label: str) -> str:
    """Return a value of a dimension as people say it."""
    if dimension == "language":
        return LANGUAGES.get(label, label)
    if dimension == "country":
        return dict(list_countries(current_language())).get(label, label)
    known = {"page": _("petition page"), "api": _("JSON API"), "widget": _("embedded form")}
    return known.get(label, label) if dimension == "source" else label


def paper_file_error_message(kind: str) -> str:
    """Return why a file cannot be read at all, and what to do."""
    return {
        "none": _("Choose a file first."),
        "empty": _("The file is empty."),
        "spreadsheet": _("This is a spreadsheet. In your program, save it as CSV, then choose that file."),
        "not text": _("This is not a text file. In your program, save the list as CSV (UTF-8), then choose that file."),
        "no names": _("The first line must name the columns, and one of them must be “name”."),
        "too long": _("The file has more than 50,000 lines. Cut it into several files."),
    }[kind]


def paper_problem_message(kind: str, detail: str) -> str:
    """Return what is wrong with a line of a file, and what to do."""
    columns = {
        "name": _("Name"), "profession": _("Profession or role"), "city": _("Town"), "postal_code": _("Postal code"),
        "reference": _("Reference"),
    }  # fmt: skip
    column = columns.get(detail, "")
    return {
        "column": _("The column “%(name)s” is not used. The others are read.", name=detail),
        "quotes": _("A quotation mark is opened and not closed, and nothing after it could be read. Close it."),
        "cells": _("It has more cells than there are columns. Put quotation marks around a text with commas."),
        "name": _("There is no name. Write one, or delete the line."),
        "long": _("%(column)s is too long. Shorten it.", column=column),
        "characters": _("%(column)s has characters that cannot be shown. Write it again.", column=column),
        "date": _("“%(date)s” is not a date. Write it as 2026-11-23 or 23/11/2026, or leave it empty.", date=detail),
        "day": _("%(date)s has not come yet, or is too long ago. Correct the date.", date=detail),
        "twice": _("Same name, town and date as line %(line)s. If it is somebody else, tell them apart.", line=detail),
        "there": _("Same name, town and date as a signature that was added before. Nothing to do."),
    }[kind]
