"""Dates, numbers, shares and durations as each language writes them."""

from datetime import date

import pytest
from flask_babel import force_locale

from petition.core.durations import format_duration
from petition.core.i18n import format_date_text, format_share
from petition.exports.columns import time_formats


@pytest.mark.parametrize(
    ("language", "first", "share", "duration", "days"),
    [
        ("fr", "1er\u00a0septembre 2022", "12,3\u00a0%", "2,3\u00a0s", "3\u00a0j\u00a011\u00a0h"),
        ("en", "1\u00a0September 2022", "12.3%", "2.3\u00a0s", "3\u00a0d\u00a011\u00a0h"),
        ("es", "1\u00a0de septiembre de 2022", "12,3\u00a0%", "2,3\u00a0s", "3\u00a0d\u00a011\u00a0h"),
        ("de", "1.\u00a0September 2022", "12,3\u00a0%", "2,3\u00a0s", "3\u00a0T\u00a011\u00a0h"),
    ],
)
def test_formats_are_those_of_the_language(app, language, first, share, duration, days):
    with force_locale(language):
        assert format_date_text(date(2022, 9, 1)) == first
        assert format_share(0.1234) == share
    assert format_duration(2.34, language) == duration
    assert format_duration(300_000, language) == days


def test_spreadsheets_read_times_in_each_language():
    assert time_formats("fr") == time_formats("es") == ("%d/%m/%Y %H:%M:%S", "dd/mm/yyyy hh:mm:ss")
    assert time_formats("en") == ("%Y-%m-%d %H:%M:%S", "yyyy-mm-dd hh:mm:ss")
    assert time_formats("de") == ("%d.%m.%Y %H:%M:%S", "dd.mm.yyyy hh:mm:ss")
