"""Labels and messages about paper lists: states, fields, and what is wrong with a file, a line or a scan."""

from flask_babel import format_decimal
from flask_babel import gettext as _

from petition.petitions.paper.csv import MAX_LINES
from petition.petitions.paper.errors import PaperFileErrorCode
from petition.petitions.paper.models import PaperImportState


def paper_import_state_label(state: str) -> str:
    """Return the label of the state of an import of paper signatures."""
    labels: dict[str, str] = {
        PaperImportState.READING: _("being read"),
        PaperImportState.QUESTION: _("waits for an answer"),
        PaperImportState.DRAFT: _("read, not added"),
        PaperImportState.DONE: _("added"),
        PaperImportState.UNDONE: _("undone"),
    }
    return labels[state]


def paper_file_error_message(code: PaperFileErrorCode) -> str:
    """Return why a file cannot be read at all, and what to do."""
    return {
        PaperFileErrorCode.MISSING: _("Choose a file first."),
        PaperFileErrorCode.EMPTY: _("The file is empty."),
        PaperFileErrorCode.SPREADSHEET: _(
            "This spreadsheet cannot be read. In your program, save it as XLSX or CSV, then choose that file."
        ),
        PaperFileErrorCode.NOT_TEXT: _(
            "This is not a text file. In your program, save the list as CSV (UTF-8), then choose that file."
        ),
        PaperFileErrorCode.NO_NAMES: _(
            "No line names the columns. Write one above the names, such as: name, profession, city, postal_code."
        ),
        PaperFileErrorCode.TOO_LONG: _(
            "The file has more than %(number)s lines. Split it into several files.", number=format_decimal(MAX_LINES)
        ),
    }[code]


def paper_problem_message(kind: str, detail: str) -> str:
    """Return what is wrong with a line of a file, and what to do."""
    columns = {
        "name": _("Name"), "profession": _("Profession or role"), "city": _("Town"), "postal_code": _("Postal code"),
        "reference": _("Reference"),
    }  # fmt: skip
    column = columns.get(detail, "")
    return {
        "column": _("The column “%(name)s” is not used. The others are read.", name=detail),
        "sheet": _("The sheet “%(name)s” is not read. To read it too, save it as a file of its own.", name=detail),
        "online": _(
            "Somebody with this name, and this town if it is known, signed by email too. If it is the same person, "
            "delete the line from your file, or here once it is added."
        ),
        "title": _("“%(text)s” stands above the names of the columns and is not read.", text=detail),
        "quotes": _("Its quotation marks are wrong: one is not closed, or stands within a cell. Correct it."),
        "cells": _("It has more cells than there are columns. Put quotation marks around a text with commas."),
        "name": _("There is no name. Write one, or delete the line."),
        "long": _("%(column)s is too long. Shorten it.", column=column),
        "characters": _("%(column)s has characters that cannot be shown. Write it again.", column=column),
        "link": _(
            "%(column)s has a web or email address. Leave it out, or put a space after a full stop.", column=column
        ),
        "phone": _("%(column)s has a telephone number. Leave it out.", column=column),
        "letters": _("%(column)s is not written in letters only. Write it again.", column=column),
        "scripts": _("%(column)s has a word in the letters of two alphabets. Write it again.", column=column),
        "date": _("“%(date)s” is not a date. Write it as 2026-11-23 or 23/11/2026, or leave it empty.", date=detail),
        "day": _("%(date)s has not come yet, or is too long ago. Correct the date.", date=detail),
        "twice": _(
            "Same name, town and date as line %(line)s. If it is somebody else, tell them apart, by the postal code "
            "for example.",
            line=detail,
        ),
        "there": _("Same name, town and date as a signature that was added before. Nothing to do."),
    }[kind]


def scan_problem_message(kind: str) -> str:
    """Return why a scan is not kept, and what to do."""
    return {
        "none": _("Choose a file first."),
        "size": _("The scan is larger than 10 MB. Scan it in grey, or with fewer dots."),
        "type": _("A scan is a PDF or a JPEG file. Save it as one of these."),
        "many": _("There are enough scans of this sheet. Delete one first."),
    }[kind]


def paper_field_labels() -> dict[str, str]:
    """Return what a column of a file can be, by the name of its field."""
    return {
        "full_name": _("Whole name"),
        "last_name": _("Last name"),
        "first_name": _("First name"),
        "profession": _("Profession or role"),
        "city": _("Town"),
        "postal_code": _("Postal code"),
        "signed_on": _("Signed on"),
        "reference": _("Reference"),
    }
