from datetime import UTC, datetime, timedelta

import pytest
from support.factories import make_petition

from petition.core import clock
from petition.core.exceptions import DomainError
from petition.petitions import lifecycle
from petition.petitions.counters import compute_goal
from petition.petitions.markdown import to_html

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def set_time(monkeypatch):
    def set_clock(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_clock(NOW)
    return set_clock


def test_dates_open_and_close_by_themselves(app, set_time):
    petition = make_petition(state="draft", opens_at=NOW + timedelta(hours=1), closes_at=NOW + timedelta(hours=2))
    assert petition.state_now == "draft"
    set_time(NOW + timedelta(hours=1))
    assert petition.state_now == "open"
    set_time(NOW + timedelta(hours=2))
    assert petition.state_now == "closed"


def test_links_are_honoured_for_a_day_after_closing(app, set_time):
    petition = make_petition()
    lifecycle.close(petition)
    assert not petition.is_open
    set_time(NOW + timedelta(hours=23, minutes=59))
    assert petition.people_can_confirm
    set_time(NOW + timedelta(hours=24))
    assert not petition.people_can_confirm


def test_what_makes_no_sense_is_refused(app, set_time):
    petition = make_petition(state="draft")
    for change in (lifecycle.close, lifecycle.archive):
        with pytest.raises(DomainError):
            change(petition)
    lifecycle.open_(petition)
    with pytest.raises(DomainError):
        lifecycle.archive(petition)
    lifecycle.close(petition)
    set_time(NOW + timedelta(seconds=1))
    lifecycle.archive(petition)
    with pytest.raises(DomainError):
        lifecycle.open_(petition)


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_strangers_do_not_see_it(client, state):
    make_petition(state=state)
    assert client.get("/p/jardin").status_code == 404
    assert client.get("/api/v1/petitions/jardin").status_code == 404
    assert client.get("/api/v1/petitions").json == []


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        (0, 100),
        (99, 100),
        (100, 250),
        (249, 250),
        (250, 500),
        (999, 1000),
        (1000, 2500),
        (2_400_000, 2_500_000),
        (5_000_000, 10_000_000),
    ],
)
def test_the_next_goal_moves_up_by_itself(confirmed, expected):
    assert compute_goal([100, 250], confirmed) == expected


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://example.org/a.png)",
        '<a href="x" onclick="y">z</a>',
        "<iframe src=x></iframe>",
        '<p style="color:red">a</p>',
    ],
)
def test_markdown_cannot_bring_scripts_or_foreign_content(source):
    html = to_html(source).lower()
    for word in ("<script", 'href="javascript', "<img", "<iframe", "<p style"):
        assert word not in html
    assert '<a href="x" onclick' not in html
