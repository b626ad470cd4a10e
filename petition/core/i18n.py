"""French and English: which one a page speaks, and the numbers in it."""

from datetime import date
from functools import cache, lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date
from flask import Flask, has_request_context, request, url_for
from flask_babel import Babel, format_decimal, get_locale
from werkzeug.datastructures import LanguageAccept, MultiDict
from werkzeug.http import parse_accept_header

LANGUAGES = {"fr": "Français", "en": "English"}
DEFAULT = "fr"
LIBRARIES = {"fr": "fr_FR"}
LONGEST = 500  # characters of an Accept-Language; browsers send fifty

babel = Babel()


def N_(text: str) -> str:
    """Mark a text for translation that is looked up later."""
    return text


def choose_locale() -> Locale:
    """Return the language asked for by URL (`?lang=`), else the browser's, else French."""
    if not has_request_context():
        return _locale(DEFAULT)
    chosen = _asked() or _negotiated()
    # Libraries ship their French as fr_FR; ours, which is plain fr, is found by that name too.
    return _locale(LIBRARIES.get(chosen, chosen))


def _asked() -> str | None:
    asked = request.args.get("lang") if request.query_string else None
    return asked if asked in LANGUAGES else None


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)  # which looks for files each time


def _negotiated() -> str:
    accepted = request.environ.get("HTTP_ACCEPT_LANGUAGE", "")
    return _best(accepted if len(accepted) <= LONGEST else "")


@lru_cache(1000)  # browsers send few different ones, and each request asks several times
def _best(accepted: str) -> str:
    return parse_accept_header(accepted, LanguageAccept).best_match(LANGUAGES, DEFAULT) or DEFAULT


def explicit_language() -> str | None:
    """Return the language in force if an address must name it, because the browser's preference is another."""
    asked = _asked()
    return asked if asked != _negotiated() else None


def current_language() -> str:
    """Return the two-letter code of the language in force."""
    locale = get_locale()
    return locale.language if locale else DEFAULT


def language_links() -> list[tuple[str, str, str]]:
    """Return (code, name, address of this page) for each language; empty where a page has no address of its own."""
    if not has_request_context() or request.method != "GET":
        return []
    if not request.endpoint:  # an address that does not exist speaks both languages too
        return [(code, name, f"{request.path}?lang={code}") for code, name in LANGUAGES.items()]
    arguments = MultiDict(request.args)
    arguments.pop("lang", None)
    values: dict[str, Any] = {**arguments.to_dict(), **(request.view_args or {})}
    return [(code, name, url_for(request.endpoint, **{**values, "lang": code})) for code, name in LANGUAGES.items()]


def date_in_words(day: date, style: str = "long") -> str:
    """Return a date in words, the day and its month on one line, and the first of a month as French writes it."""
    # The English here is that of Europe: 28 September 2022.
    words = format_date(day, style, "en_GB" if current_language() == "en" else current_language())
    if current_language() == "fr" and words.startswith("1 "):
        words = f"1er{words[1:]}"
    return words.replace(" ", "\N{NO-BREAK SPACE}", 1)


def seconds_in_words(seconds: float) -> str:
    """Return a length of time in its two largest units: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s".replace(".", "," if current_language() == "fr" else ".")
    if seconds < 60:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    days = "j" if current_language() == "fr" else "d"
    for large, small, unit, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), (days, "h", 86400, 3600)):
        if seconds < {60: 3600, 3600: 86400}.get(unit, float("inf")):
            whole, rest = divmod(seconds, unit)
            words = [f"{whole:.0f} {large}"] + ([f"{rest // part:.0f} {small}"] if rest // part else [])
            return " ".join(words).replace(" ", "\N{NO-BREAK SPACE}")
    raise AssertionError(seconds)


def init_app(app: Flask) -> None:
    """Give templates their language, its links and its numbers."""
    babel.init_app(
        app,
        default_locale=DEFAULT,
        locale_selector=choose_locale,
        default_translation_directories="translations",
    )
    app.add_template_filter(format_decimal, "number")
    app.add_template_filter(date_in_words, "dateformat")
    app.add_template_filter(seconds_in_words, "duration")
    app.context_processor(lambda: {"locale": current_language(), "languages": language_links()})
