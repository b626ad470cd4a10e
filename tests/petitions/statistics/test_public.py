"""Statistics for everybody: no group of fewer than five, nor one that the sums give away."""

import csv
import io
import json
import random
import re

import pytest
from cachetools import LRUCache
from sqlalchemy import event
from support.factories import make_petition, make_signature, sign_in

from petition.core.db import db
from petition.core.web.assets import script_hash
from petition.petitions.statistics.campaign import DimensionBreakdown, get_statistics, roll_up_batch
from petition.petitions.statistics.public import MIN_GROUP, Group, hide_small_groups
from petition.signatures.confirm import confirm_signature

PATHS = (
    "/p/jardin/figures",
    "/p/jardin/figures.csv",
    "/p/jardin/figures/days.svg",
    "/api/v1/petitions/jardin/statistics",
)


@pytest.mark.parametrize(
    ("rows", "unknown", "others", "group"),
    [
        ([("Juge", 9), ("Avocate", 5)], 7, 0, Group([("Juge", 9), ("Avocate", 5)], 0, 7)),
        # Small ones are counted together, and with what is beyond the most frequent.
        ([("Juge", 9), ("Avocate", 4), ("Greffier", 3)], 0, 0, Group([("Juge", 9)], 7, 0)),
        ([("Juge", 9), ("Avocate", 4)], 0, 30, Group([("Juge", 9)], 34, 0)),
        # A single small one would be what is missing to the total: the smallest that is shown joins it.
        ([("Juge", 9), ("Avocate", 6), ("Greffier", 1)], 0, 0, Group([("Juge", 9)], 7, 0)),
        ([("Juge", 9), ("Greffier", 1)], 0, 0, Group([], 10, 0)),
        ([("Juge", 9)], 2, 0, Group([], 11, 0)),
        ([("Greffier", 1)], 40, 0, Group([], 41, 0)),
        ([("Greffier", 1)], 2, 0, Group([], 0, 0)),
        ([], 0, 0, Group([], 0, 0)),
    ],
)
def test_small_groups_are_hidden(rows, unknown, others, group):
    assert hide_small_groups(DimensionBreakdown(rows, unknown, others)) == group


def test_no_figure_is_small_and_the_sum_is_exact():
    chance = random.Random(3)
    for _ in range(2000):
        numbers = sorted((chance.choice((1, 2, 4, 5, 6, 30)) for _ in range(chance.randrange(7))), reverse=True)
        rows = [(f"{index}", n) for index, n in enumerate(numbers)]
        breakdown = DimensionBreakdown(rows, chance.choice((0, 1, 4, 5, 50)), chance.choice((0, 0, 3, 9)))
        group = hide_small_groups(breakdown)
        shown = [*(n for _, n in group.rows), group.other, group.not_given]
        assert not [n for n in shown if 0 < n < MIN_GROUP], breakdown
        assert group.total == breakdown.total or (group.total == 0 and breakdown.total < MIN_GROUP)


@pytest.fixture
def signed(client, sent_emails):
    petition = make_petition()
    professions = ["Juge"] * 6 + ["Avocate"] * 2 + ["Gardien de phare"]
    for number, profession in enumerate(professions):
        fields = {"email": f"s{number}@example.org", "profession": profession, "country": "FR", "postal_code": "75011"}
        confirm_signature(make_signature(petition, **fields))
    db.session.commit()
    return petition


@pytest.mark.parametrize("rolled_up", [False, True])
def test_page_table_and_api_agree_and_show_nobody(client, signed, rolled_up):
    if rolled_up:
        roll_up_batch()
    page, table, _chart, answer = (client.get(f"{path}?lang=en") for path in PATHS)
    assert "Gardien de phare" not in page.text + table.text + answer.text
    statistics = answer.json
    assert statistics["count"] == {"confirmed": 9, "people": 9, "organisations": 0, "paper": 0, "goal": 100}
    # Three are too few: the judges, the only ones that are enough, would give them away by subtraction only if shown
    # beside a sum of three, and so are counted with them.
    assert statistics["groups"]["profession"] == {"values": [], "other": 9, "not_given": 0}
    assert statistics["groups"]["country"] == {"values": [{"value": "FR", "confirmed": 9}], "other": 0, "not_given": 0}
    assert statistics["groups"]["area"]["values"] == [{"value": "75", "confirmed": 9}]
    assert sum(day["confirmed"] for day in statistics["days"]) == 9
    assert sum(hour["confirmed"] for hour in statistics["hours"]) == 9
    rows = list(csv.reader(io.StringIO(table.text)))
    assert rows[0] == ["figure", "value", "confirmed"]
    assert ["total", "confirmed", "9"] in rows
    assert ["profession", "(other)", "9"] in rows
    assert ["country", "FR", "9"] in rows
    assert table.headers["Content-Disposition"] == 'attachment; filename="jardin-statistics.csv"'
    assert "France" in page.text
    assert "city" not in statistics["groups"]


@pytest.mark.usefixtures("within_one_hour")
def test_the_page_holds_each_column_of_its_charts_and_one_script_that_its_policy_allows(client, signed):
    page = client.get("/p/jardin/figures?lang=en")
    days, hours = (json.loads(columns) for columns in re.findall(r"data-columns='([^']*)'", page.text))
    assert (len(days), len(hours)) == (60, 48)
    assert days[-1].endswith(" · Confirmed 9")
    assert hours[0].endswith("00 · Confirmed 0")
    assert page.text.count("<script") == 1
    assert f"script-src {script_hash('charts.js')};" in page.headers["Content-Security-Policy"]


def test_charts_are_drawn_for_narrow_and_dark_pages(client, signed):
    drawn = set()
    for name in ("hours", "days"):
        for query in ("", "?narrow=1", "?dark=1", "?narrow=1&dark=1"):
            chart = client.get(f"/p/jardin/figures/{name}.svg{query}")
            assert chart.mimetype == "image/svg+xml"
            assert chart.headers["Cache-Control"] == "public, max-age=30"
            drawn.add(chart.data)
    assert len(drawn) == 8
    assert client.get("/p/jardin/figures/weeks.svg").status_code == 404


def test_figures_that_are_not_public_are_nowhere(client):
    petition = make_petition()
    assert "Statistics of the signatures" in client.get("/p/jardin?lang=en").text
    petition.statistics_public = False
    db.session.commit()
    assert [client.get(path).status_code for path in PATHS] == [404] * 4
    assert "Statistics of the signatures" not in client.get("/p/jardin?lang=en").text


def test_figures_of_nobody_are_a_page(client):
    make_petition()
    assert [client.get(path).status_code for path in PATHS] == [200] * 4
    assert "Nobody has signed yet" in client.get("/p/jardin/figures?lang=en").text


def test_strangers_cost_no_query_once_it_was_asked_for(client, app, monkeypatch, signed):
    monkeypatch.setitem(app.config, "PETITION_CACHE_TTL", 60)
    monkeypatch.setitem(app.extensions, "petition.cache", LRUCache(50))
    asked = [f"{path}?lang=en" for path in PATHS[:3]]
    first = [client.get(path).data for path in asked]
    statements = []

    def record(_connection, _cursor, statement, *_arguments):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", record)
    try:
        for _ in range(3):
            assert [client.get(path).data for path in asked] == first
    finally:
        event.remove(db.engine, "before_cursor_execute", record)
    assert statements == []


def test_the_forms_of_a_profession_are_one_group_named_in_the_reader_s_language(client, sent_emails):
    petition = make_petition()
    petition.texts["fr"].professions, petition.texts["en"].professions = ["Avocate / avocat"], ["Lawyer"]
    typed = ["Avocate"] * 3 + ["avocat"] * 2 + ["Lawyer"] + ["Phare"] * 5
    for number, profession in enumerate(typed):
        confirm_signature(make_signature(petition, email=f"s{number}@example.org", profession=profession))
    db.session.commit()
    sign_in(client, "campaigner")
    for _ in range(2):
        for address in ("/p/jardin/figures", "/desk/petitions/jardin/campaign"):
            french, english = (client.get(f"{address}?lang={language}").text for language in ("fr", "en"))
            assert "<bdi>Avocate / avocat</bdi>" in french
            assert "<bdi>Lawyer</bdi>" in english
            assert "avocat</bdi>" not in english
        assert ["profession", "Avocate / avocat", "6"] in list(
            csv.reader(io.StringIO(client.get("/p/jardin/figures.csv").text))
        )
        roll_up_batch()


def test_a_suggested_profession_is_counted_whole_beyond_the_most_frequent_answers(client, sent_emails, monkeypatch):
    monkeypatch.setattr("petition.petitions.statistics.campaign.MAX_VALUES_PER_DIMENSION", 2)
    petition = make_petition()
    petition.texts["fr"].professions = ["Avocate / avocat"]
    typed = ["Phare"] * 4 + ["Port"] * 4 + ["Quai"] * 4 + ["Avocate"] * 3 + ["Avocat"] * 3
    for number, profession in enumerate(typed):
        confirm_signature(make_signature(petition, email=f"s{number}@example.org", profession=profession))
    db.session.commit()
    while roll_up_batch():
        pass
    assert get_statistics(petition).breakdowns["profession"].rows[0] == ("Avocate / avocat", 6)


@pytest.mark.parametrize("path", ["/p/jardin", "/p/jardin/signatories", "/p/jardin/figures"])
@pytest.mark.parametrize(("state", "expected"), [("open", True), ("closed", False)])
def test_a_closed_petition_waits_for_no_signature(client, path, state, expected):
    make_petition(state=state)
    assert ("yet" in client.get(f"{path}?lang=en").text.split("<main", 1)[1].split("</main>")[0]) == expected
