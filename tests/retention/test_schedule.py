from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.factories import make_account, make_mailing, make_petition
from support.retention import Clock, announce_and_wait, at, close_long_ago, today

from petition.core import clock
from petition.core.db import db
from petition.retention.announcements import announce_due, postpone, record_handover
from petition.retention.models import RetentionAnnouncement
from petition.retention.schedule import NOTICE, add_months, compute_due, get_plan


@pytest.fixture
def travel(app, monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        (at(2026, 1, 31, 12), 1, (2026, 2, 28, 13)),
        (at(2027, 11, 30, 12), 3, (2028, 2, 29, 13)),
        (at(2026, 12, 5, 23, 30), 12, (2027, 12, 6, 0)),
        (at(2026, 3, 15, 12), 12, (2027, 3, 15, 13)),
        (at(2026, 3, 15, 12), 6, (2026, 9, 15, 13)),  # the same time of day, in summer
    ],
)
def test_months_are_those_of_the_calendar_of_the_petition(moment, months, expected):
    later = add_months(moment, months, "Europe/Paris").astimezone(ZoneInfo("Europe/Paris"))
    assert (later.year, later.month, later.day, later.hour) == expected


def test_a_petition_without_an_end_has_no_date(travel):
    petition = make_petition()
    assert get_plan(petition).state == "open"
    assert compute_due(petition, None) is None
    petition.closes_at = clock.now() + timedelta(days=10)
    assert get_plan(petition).state == "planned"


def test_months_after_closing_as_set_or_as_the_petition_says(app, travel, monkeypatch):
    petition = make_petition(state="closed", closed_at=at(2026, 3, 3, 12))
    assert compute_due(petition, None) == at(2027, 3, 3, 12)
    monkeypatch.setitem(app.config, "PETITION_KEEP_SIGNATURES", 2)
    assert compute_due(petition, None).month == 5
    petition.retention_months = 30
    assert compute_due(petition, None).year == 2028


def test_days_after_the_handover_if_that_is_sooner_and_never_before_it_closed(travel):
    petition = make_petition(state="closed", closed_at=at(2026, 3, 3), handed_over_at=at(2026, 4, 1))
    assert compute_due(petition, None) == at(2026, 4, 1) + timedelta(days=90)
    petition.handed_over_at = at(2026, 1, 1)
    assert compute_due(petition, None) == at(2026, 3, 3) + timedelta(days=90)
    petition.handed_over_at = at(2027, 2, 1)
    assert compute_due(petition, None) == at(2027, 3, 3)
    petition.closed_at = None
    petition.state = "open"
    assert compute_due(petition, None) is None


def test_it_runs_a_month_after_the_team_was_told_however_late_that_was(travel):
    petition = make_petition()
    close_long_ago(petition, days=700)
    plan = get_plan(petition)
    assert (plan.state, plan.needs_announcement) == ("planned", True)
    assert announce_due() == 1
    told = clock.now()
    plan = get_plan(petition)
    assert (plan.state, plan.needs_announcement) == ("announced", False)
    assert abs(plan.runs_at - told - NOTICE) < timedelta(minutes=1)
    travel.move(days=29)
    assert get_plan(petition).state == "announced"
    travel.move(days=1, minutes=1)
    assert get_plan(petition).state == "due"


def test_the_team_is_told_once_of_each_date(travel):
    make_account(role_names=["admin"])
    petition = make_petition()
    close_long_ago(petition, days=340)
    assert (announce_due(), announce_due()) == (1, 0)
    postpone(petition, (clock.now() + timedelta(days=100)).date(), "the answer is due in spring", actor="alix")
    db.session.commit()
    assert announce_due() == 0, "too early for the new date"
    travel.move(days=80)
    assert (announce_due(), announce_due()) == (1, 0)
    assert db.session.query(RetentionAnnouncement).count() == 2


def test_a_petition_that_was_opened_again_is_not_due(travel):
    petition = make_petition()
    close_long_ago(petition)
    announce_and_wait(travel)
    assert get_plan(petition).state == "due"
    petition.state, petition.closed_at = "open", None
    db.session.commit()
    assert get_plan(petition).state == "open"


@pytest.mark.parametrize("state", ["scheduled", "sending", "paused"])
def test_it_waits_for_a_mailing_to_these_signers(travel, state):
    petition = make_petition()
    close_long_ago(petition)
    announce_and_wait(travel)
    mailing = make_mailing(petition, state=state)
    assert (get_plan(petition).state, get_plan(petition).mailings) == ("waiting", [mailing.name])
    mailing.state, mailing.ended_at = "sent", clock.now() - timedelta(days=1)
    db.session.commit()
    assert get_plan(petition).state == "waiting", "it may be opened again"
    travel.move(days=2)
    assert get_plan(petition).state == "due"


def test_a_handover_is_recorded_and_taken_back(travel):
    petition = make_petition()
    record_handover(petition, today(), actor="alix")
    assert petition.handed_over_at is not None
    record_handover(petition, None, actor="alix")
    assert petition.handed_over_at is None


@pytest.mark.parametrize(
    "closed",
    [at(2025, 10, 25, 0, 30), at(2024, 10, 27, 0, 30), at(2025, 3, 29, 1, 30)],
    ids=["repeated", "both", "skipped"],
)
def test_a_time_that_the_clocks_repeat_or_skip_is_announced_once(travel, closed):
    petition = make_petition(state="closed", closed_at=closed, retention_months=12)
    assert (announce_due(), announce_due()) == (1, 0)
    assert get_plan(petition).state in ("announced", "due")
