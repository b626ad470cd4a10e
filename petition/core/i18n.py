"""Languages: which one a response uses, and formats of dates and durations."""

from datetime import date
from functools import cache, lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date
from flask import Flask, g, has_request_context, request, url_for
from flask_babel import Babel, format_decimal, format_percent, get_locale, refresh
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept, MultiDict
from werkzeug.http import parse_accept_header

from petition.core import durations
from petition.core.languages.language_codes import SOURCE_LANGUAGE
from petition.core.languages.languages import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    TRANSLATION_FOLDERS,
    regional_locale,
    text_direction,
)
from petition.core.text import N_

__all__ = ("DEFAULT_LANGUAGE", "LANGUAGES", "N_", "SOURCE_LANGUAGE")

# How a language writes the first of a month, where its CLDR pattern writes a plain number.
FIRST_OF_MONTH = {"fr": "1er"}
MAX_ACCEPT_LANGUAGE_CHARACTERS = 500  # browsers send about fifty

babel = Babel()


def choose_locale() -> Locale:
    """Return the language asked for by URL (`?lang=`), else the reader's own, else the browser's, else the site's."""
    if not has_request_context():
        return _parse_locale(DEFAULT_LANGUAGE)
    chosen = _requested_language() or _default_language()
    return _parse_locale(chosen) if chosen == SOURCE_LANGUAGE else regional_locale(chosen)


def set_reader_language(code: str) -> None:
    """Answer this request in the language that its reader chose once, unless the URL names another."""
    if code in LANGUAGES:
        g.reader_language = code
        refresh()


def _default_language() -> str:
    return g.get("reader_language") or _negotiate_language()


def _requested_language() -> str | None:
    asked = request.args.get("lang") if request.query_string else None
    return asked if asked in LANGUAGES else None


@cache
def _parse_locale(code: str) -> Locale:
    return Locale.parse(code)  # reads the file system on each call


def _negotiate_language() -> str:
    accepted = request.environ.get("HTTP_ACCEPT_LANGUAGE", "")
    return _best_match(accepted if len(accepted) <= MAX_ACCEPT_LANGUAGE_CHARACTERS else "")


@lru_cache(1000)  # few distinct values, and each request needs it several times
def _best_match(accepted: str) -> str:
    return parse_accept_header(accepted, LanguageAccept).best_match(LANGUAGES, DEFAULT_LANGUAGE) or DEFAULT_LANGUAGE


def explicit_language() -> str | None:
    """Return the current language if links must name it (`?lang=`), because it would be another without."""
    asked = _requested_language()
    return asked if asked != _default_language() else None


def current_language() -> str:
    """Return the two-letter code of the current language."""
    locale = get_locale()
    return locale.language if locale else DEFAULT_LANGUAGE


def lang_attribute(language: str | None) -> str:
    """Return the HTML attributes of a text in another language than the page's (WCAG 3.1.2), nothing for the same."""
    return language_attributes(language) if language and language != current_language() else ""


def language_attributes(language: str) -> str:
    """Return the HTML attributes of a text in a language; which way it is written, where the page is the other way."""
    direction = text_direction(language)
    if direction == text_direction(current_language()):
        return Markup(' lang="{}"').format(language)
    return Markup(' lang="{}" dir="{}"').format(language, direction)


def typed_direction(kind: str) -> str:
    """Return the HTML attribute of a field that people type into: addresses and codes are from left to right.

    Elsewhere the text decides, but that an empty field with `dir="auto"` would begin at the left of a page that is
    written from right to left; names in either script are readable there without.
    """
    if text_direction(current_language()) == "rtl":
        return Markup(' dir="ltr"') if kind in ("email", "code") else ""
    return Markup(' dir="auto"') if kind == "text" else ""


def mark_language(text: str, language: str | None) -> str:
    """Return a text within a page in another language, marked as such; unchanged in the same."""
    attribute = lang_attribute(language)
    return Markup("<span{}>{}</span>").format(attribute, text) if attribute else text


def language_links() -> list[tuple[str, str, str]]:
    """Return (code, name, URL of this page) for each language; empty for responses to a POST."""
    if not has_request_context() or request.method != "GET":
        return []
    if not request.endpoint:  # the 404 page is in each language too
        return [(code, name, f"{request.path}?lang={code}") for code, name in LANGUAGES.items()]
    arguments = MultiDict(request.args)
    arguments.pop("lang", None)
    values: dict[str, Any] = {**arguments.to_dict(), **(request.view_args or {})}
    return [(code, name, url_for(request.endpoint, **{**values, "lang": code})) for code, name in LANGUAGES.items()]


def format_date_text(day: date, style: str = "long") -> str:
    """Return a date with its month in full; no line break after the day; « 1er » for the first of a month in French."""
    language = current_language()
    text = format_date(day, style, regional_locale(language))
    if text.startswith("1 "):
        text = FIRST_OF_MONTH.get(language, "1") + text[1:]
    return text.replace(" ", "\N{NO-BREAK SPACE}", 1)


def format_share(share: float, pattern: str = "0.#") -> str:
    """Return a share of 1 as a percentage in the current language: 12.3%; « 12,3 % »."""
    locale = get_locale() or regional_locale(DEFAULT_LANGUAGE)
    return format_percent(share, locale.percent_formats[None].pattern.replace("#,##0", pattern))


def format_duration(seconds: float) -> str:
    """Return a duration in the current language, in its two largest units (`durations.format_duration`)."""
    return durations.format_duration(seconds, current_language())


def init_app(app: Flask) -> None:
    """Set up Flask-Babel, and give templates the language, its links and its number formats."""
    babel.init_app(
        app,
        default_locale=DEFAULT_LANGUAGE,
        locale_selector=choose_locale,
        default_translation_directories=";".join(map(str, TRANSLATION_FOLDERS)),
    )
    app.add_template_filter(format_decimal, "number")
    app.add_template_filter(format_date_text, "dateformat")
    app.add_template_filter(format_duration, "duration")
    app.add_template_filter(format_share, "share")
    app.add_template_global(lang_attribute)
    app.add_template_global(language_attributes)
    app.add_template_global(text_direction)
    app.add_template_global(typed_direction)
    app.add_template_global(mark_language)
    app.add_template_global(current_language)  # for macros, which do not see the context
    app.context_processor(lambda: {"locale": current_language(), "languages": language_links()})
