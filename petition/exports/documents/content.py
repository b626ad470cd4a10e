"""What is in each public document: the data of its template, in the language asked for."""

from collections.abc import Callable
from datetime import datetime
from textwrap import shorten
from typing import Any
from zoneinfo import ZoneInfo

import segno
from flask import current_app
from flask_babel import force_locale, format_decimal, format_time, ngettext
from flask_babel import gettext as _

from petition.core.i18n import format_date_text
from petition.exports.documents.markdown_tree import parse_text
from petition.exports.documents.models import DocumentKind
from petition.exports.documents.names import list_names, split_people
from petition.exports.documents.rendering import Job
from petition.petitions.counters import Count, get_count
from petition.petitions.images import read_image
from petition.petitions.models import Kind, Petition
from petition.petitions.presenter import PetitionPresenter, present

SHEETS = 4  # of a document, each with a number of its own
SERIES_DIGITS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another
SHEET_LINES, FEWER_SHEET_LINES = 11, 9  # fewer below a long title and summary
LONG_TEXT_CHARACTERS = 350
Data = dict[str, Any]


def describe(petition: Petition, kind: str, language: str, as_of: datetime) -> list[Job]:
    """Return the jobs, one for each part, that make a document of what is true now. Raises `TooManyNames`."""
    with force_locale(language):
        return JOBS[kind](petition, language, as_of)


def describe_common(petition: Petition, presented: PetitionPresenter, language: str) -> Data:
    """Return what every template is given."""
    url = public_address(petition, language)
    return {
        "title": presented.title, "summary": presented.summary, "sender": presented.sender_name, "language": language,
        "text_language": presented.language, "addressee": presented.addressee, "kicker": _kicker(presented),
        "url": url, "printed_url": _printed_url(petition), "footer": f"{presented.title} · {url}",
        "labels": {"page": _("page %(page)s of %(total)s", page="{page}", total="{total}")},
    }  # fmt: skip


def public_address(petition: Petition, language: str) -> str:
    """Return the address of a petition's page in a language."""
    return f"{current_app.config['PUBLIC_URL']}/p/{petition.slug}?lang={language}"


def _printed_url(petition: Petition) -> str:
    """Return the shortest address that leads to the page, for people who type it."""
    url: str = current_app.config["PUBLIC_URL"]
    return f"{url.partition('://')[2]}/p/{petition.slug}"


def _kicker(presented: PetitionPresenter) -> str:
    if presented.kind == Kind.OPEN_LETTER:
        named, plain = _("Open letter to %(addressee)s", addressee=presented.addressee), _("Open letter")
    else:
        named, plain = _("Petition to %(addressee)s", addressee=presented.addressee), _("Petition")
    return named if presented.addressee else plain


def format_moment(petition: Petition, moment: datetime) -> str:
    """Return a moment in words, in the petition's time zone, in the current language."""
    local = moment.astimezone(ZoneInfo(petition.timezone))
    time = format_time(local, "HH:mm", rebase=False)
    return _("%(date)s at %(time)s", date=format_date_text(local.date()), time=time)


def describe_count(petition: Petition, count: Count, as_of: datetime, named: int | None = None) -> list[str]:
    """Return the count in sentences, with its date; of a list, also how many signed and are not named."""
    people = ngettext("%(figure)s person", "%(figure)s people", count.people, figure=format_decimal(count.people))
    organisations = ngettext(
        "%(figure)s organisation", "%(figure)s organisations", count.organisations,
        figure=format_decimal(count.organisations),
    )  # fmt: skip
    signed = _("%(people)s and %(organisations)s", people=people, organisations=organisations)
    lines = [
        _("Confirmed signatures on %(moment)s: %(signed)s.",
          moment=format_moment(petition, as_of), signed=signed if count.organisations else people)
    ]  # fmt: skip
    if named is not None and count.confirmed > named:
        unnamed = count.confirmed - named
        lines.append(
            ngettext(
                "%(figure)s of them is counted and not named here.",
                "%(figure)s of them are counted and not named here.",
                unnamed, figure=format_decimal(unnamed),
            )
        )  # fmt: skip
    if count.paper:
        lines.append(
            ngettext(
                "%(figure)s more signed on paper, and is not named.",
                "%(figure)s more signed on paper, and are not named.",
                count.paper, figure=format_decimal(count.paper),
            )
        )  # fmt: skip
    return lines


def describe_text(presented: PetitionPresenter) -> tuple[Data, dict[str, bytes]]:
    """Return the petition's text as nodes, and its images."""
    nodes, names = parse_text(presented.body)
    return {"body": nodes}, {f"images/{name}": read_image(name)[0] for name in sorted(names)}


def _letter(petition: Petition, language: str, as_of: datetime) -> list[Job]:
    presented, count = present(petition, language), get_count(petition)
    common, (text, images) = describe_common(petition, presented, language), describe_text(presented)
    labels = {
        "organisations": _("Organisations that signed"), "count": _("Signatures"),
        "kind": _("Open letter") if presented.kind == Kind.OPEN_LETTER else _("Petition"),
    }  # fmt: skip
    data = {
        "published": _("Published on %(date)s", date=format_date_text(presented.opened_on))
        if presented.opened_on
        else None,
        "organisations": list_names(petition, presented).organisations,
        "count_lines": describe_count(petition, count, as_of),
    }
    return [Job("letter", {**common, **text, **data, "labels": common["labels"] | labels}, images)]


def _signatories(petition: Petition, language: str, as_of: datetime) -> list[Job]:
    presented = present(petition, language)
    names, count = list_names(petition, presented), get_count(petition)
    common = describe_common(petition, presented, language)
    data = {
        **common, "count_lines": describe_count(petition, count, as_of, len(names)),
        "revision": describe_revision(petition, as_of),
        "title": _("Signatories: %(title)s", title=presented.title),
        "labels": common["labels"] | people_labels(presented),
    }  # fmt: skip
    return [
        Job(
            "signatories",
            {**data, "part": part, "groups": groups, "organisations": [] if part else names.organisations},
        )
        for part, groups in enumerate(split_people(names.people))
    ]


def people_labels(presented: PetitionPresenter) -> dict[str, str]:
    """Return the headings of a list of names."""
    return {
        "organisations": _("Organisations"), "people": _("People"), "people_continued": _("People, continued"),
        "nobody": _("No name is shown so far.") if presented.is_open else _("No name is shown."),
    }  # fmt: skip


def describe_revision(petition: Petition, as_of: datetime) -> str:
    """Return which revision of the petition a document is about, and when it was true."""
    return _(
        "Revision %(number)s of the text. This list was true on %(moment)s: whoever withdrew or signed since is "
        "in the next.",
        number=petition.version, moment=format_moment(petition, as_of),
    )  # fmt: skip


def make_qr_code(url: str) -> bytes:
    """Return a QR code as SVG: with a quiet zone, readable with a seventh of it damaged."""
    return segno.make(url, error="m", micro=False).svg_inline(border=2, dark="black", light="white").encode()


def fit_title(title: str, largest: float, smallest: float) -> float:
    """Return a size in points at which a title of any length fits its place: it goes down with the square root."""
    return round(max(smallest, min(largest, largest * (45 / max(len(title), 1)) ** 0.5)), 1)


def _poster(petition: Petition, language: str, _as_of: datetime, paper: str = "a4") -> list[Job]:
    presented = present(petition, language)
    common = describe_common(petition, presented, language)
    sign = _("Read it and sign") if presented.is_open else _("Read it")
    data = {
        "paper": paper, "factor": 1 if paper == "a4" else 2**0.5, "title_size": fit_title(presented.title, 54, 24),
        "published_by": _("Published by %(sender)s.", sender=presented.sender_name),
        "labels": common["labels"] | {"sign": sign, "qr": _qr_label(common["url"])},
    }  # fmt: skip
    return [Job("poster", {**common, **data}, {"qr.svg": make_qr_code(common["url"])})]


def _qr_label(url: str) -> str:
    return _("QR code that leads to %(address)s", address=url)


def _sheet(petition: Petition, language: str, as_of: datetime) -> list[Job]:
    presented = present(petition, language)
    common, contact = describe_common(petition, presented, language), petition.reply_to or presented.sender_name
    until, length = presented.closes_on, len(presented.title) + len(presented.summary)
    lines = SHEET_LINES if length < LONG_TEXT_CHARACTERS else FEWER_SHEET_LINES
    labels = {
        "qr": _qr_label(common["url"]), "sheet_number": _("Sheet no."), "whole_text": _("The whole text:"),
        "slip_line": _("For you to keep: %(code)s", code="{code}"),
        "slip": _(
            "You signed “%(title)s”. To check, correct or withdraw it, write to %(contact)s with this number. "
            "%(address)s",
            title=shorten(presented.title, 80, placeholder="…"), contact=contact, address=common["printed_url"],
        ),
        "columns": [
            _("Line"), _("Your name"), _("Profession or role"), _("Town or city"), _("Date"), _("Signature"),
            _("Tear off"),
        ],
        "notice": _(
            "%(sender)s keeps these sheets to count the signatures and to hand them over with the text. No "
            "address is asked for. Names on paper are not published.",
            sender=presented.sender_name,
        ),
    }  # fmt: skip
    data = {
        "lines": [f"{number:02}" for number in range(1, lines + 1)],
        "sheets": [f"{_series(as_of)}-{number}" for number in range(1, SHEETS + 1)],
        "title_size": fit_title(presented.title, 15, 10),
        "until": _("Open until %(date)s.", date=format_date_text(until)) if until else "",
        "labels": common["labels"] | labels,
    }
    return [Job("sheet", {**common, **data}, {"qr.svg": make_qr_code(common["url"])})]


def _series(as_of: datetime) -> str:
    """Return what the numbers of sheets made within a minute begin with: "JBSG"."""
    number, digits = int(as_of.timestamp()) // 60, ""
    while number:
        number, digit = divmod(number, len(SERIES_DIGITS))
        digits = SERIES_DIGITS[digit] + digits
    return digits


def _card(petition: Petition, language: str, _as_of: datetime) -> list[Job]:
    presented, count = present(petition, language), get_count(petition)
    common = describe_common(petition, presented, language)
    shown = {
        "count": _("No signature yet") if presented.is_open else _("No signature"),
        "count_label": "",
        "goal": "",
        "share": None,
    }
    if count.confirmed:
        shown["count"] = format_decimal(count.confirmed)
        shown["count_label"] = ngettext("signature", "signatures", count.confirmed)
    if presented.is_open and count.goal:
        shown["goal"] = _("Next goal: %(goal)s", goal=format_decimal(count.goal))
        shown["share"] = count.confirmed / count.goal
    return [Job("card", {**common, **shown, "title_size": fit_title(presented.title, 36, 19)}, is_picture=True)]


JOBS: dict[str, Callable[[Petition, str, datetime], list[Job]]] = {
    DocumentKind.LETTER: _letter,
    DocumentKind.SIGNATORIES: _signatories,
    DocumentKind.POSTER: _poster,
    DocumentKind.POSTER_A3: lambda petition, language, as_of: _poster(petition, language, as_of, "a3"),
    DocumentKind.SHEET: _sheet,
    DocumentKind.CARD: _card,
}
