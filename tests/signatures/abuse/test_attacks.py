"""A petition is attacked while it gets far more unconfirmed signatures than ever, and no longer than that."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.factories import make_petition

from petition.core import clock
from petition.core.db import db
from petition.operations.metrics import render_metrics
from petition.petitions.models import Petition
from petition.petitions.statistics.models import CampaignHour
from petition.signatures.abuse import attacks
from petition.team.models import AuditEvent

THRESHOLD = 300


def add_signatures(petition, number, state="pending", age=timedelta(minutes=1)):
    statement = text("""
        INSERT INTO signatures (petition_id, state, generation, valid_from, party, name, listed, updates, locale, email,
            email_canonical, source, created_at, requested_at)
        SELECT :petition, :state, 1, 1, 'person', 'Zoé', false, false, 'fr', n || '@' || :tag, n || '@' || :tag, 'page',
            :at, :at
        FROM generate_series(1, :number) AS n
    """)
    at = clock.now() - age
    tag = f"{state}{at.timestamp()}.example.org"
    db.session.execute(statement, {"petition": petition.id, "state": state, "number": number, "at": at, "tag": tag})
    db.session.commit()


def add_hour(petition, hours_ago, submitted, counted=None):
    hour = (clock.now() - timedelta(hours=hours_ago)).replace(minute=0, second=0, microsecond=0)
    db.session.add(
        CampaignHour(
            petition_id=petition.id, hour=hour, submitted=submitted, counted=submitted if counted is None else counted
        )
    )
    db.session.commit()


def reload(slug="jardin"):
    db.session.rollback()
    return db.session.query(Petition).filter_by(slug=slug).populate_existing().one()


@pytest.fixture
def petition(app):
    return make_petition()


def test_many_unconfirmed_signatures_switch_it_on_for_that_petition(petition, client):
    make_petition(slug="autre")
    add_signatures(petition, THRESHOLD)
    before = reload().version
    attacks.watch()
    found = reload()
    assert found.is_attacked
    assert found.asks_challenge
    assert found.version == before, "nobody edited it: forms that are open stay valid"
    assert not reload("autre").is_attacked
    assert "data-challenge" in client.get("/p/jardin").text


@pytest.mark.parametrize(
    ("number", "state", "age"),
    [
        (THRESHOLD - 1, "pending", timedelta(minutes=1)),
        (THRESHOLD, "confirmed", timedelta(minutes=1)),
        (THRESHOLD, "pending", timedelta(minutes=11)),
    ],
)
def test_few_confirmed_or_earlier_ones_do_not(petition, number, state, age):
    add_signatures(petition, number, state, age)
    attacks.watch()
    assert not reload().is_attacked


def test_a_petition_that_had_as_many_before_is_not_attacked(petition):
    add_hour(petition, 30, THRESHOLD * 6 // attacks.ATTACK_FACTOR)
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    assert not reload().is_attacked
    add_signatures(petition, 1)
    attacks.watch()
    assert reload().is_attacked


def test_what_an_earlier_attack_left_unconfirmed_is_no_measure(petition):
    add_hour(petition, 30, THRESHOLD * 100, counted=5)
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    assert reload().is_attacked


def test_it_goes_on_as_long_as_they_come_and_ends_by_itself(petition, monkeypatch):
    start = now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    add_hour(petition, 0, 10_000)  # of the attack itself
    now = start + timedelta(minutes=20)
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    found = reload()
    assert found.attacked_since == start
    assert found.attacked_until == now + attacks.CALM
    now += attacks.CALM - timedelta(seconds=1)
    assert reload().asks_challenge
    now += timedelta(seconds=2)
    attacks.watch()
    assert not reload().asks_challenge


@pytest.mark.parametrize("policy", ["off", "on"])
def test_the_team_decides_over_it(petition, policy):
    petition.challenge = policy
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    assert reload().asks_challenge is (policy == "on")


def test_it_can_be_switched_off_for_the_site(app, petition, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_ATTACK_SIGNATURES", 0)
    add_signatures(petition, THRESHOLD * 2)
    attacks.watch()
    assert not reload().is_attacked


def test_it_is_logged_once(petition, caplog):
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    attacks.watch()
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert sum("petition attacked" in record.getMessage() for record in warnings) == 1
    event = db.session.query(AuditEvent).filter_by(action="petition.attacked").one()
    assert (event.subject_id, event.after) == ("jardin", {"unconfirmed": THRESHOLD})


def test_a_metric_says_how_many_are_attacked(petition):
    assert b"\npetition_attacked_petitions 0.0\n" in render_metrics()
    add_signatures(petition, THRESHOLD)
    attacks.watch()
    assert b"\npetition_attacked_petitions 1.0\n" in render_metrics()
