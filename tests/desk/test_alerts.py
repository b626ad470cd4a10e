"""Alerts to the team by email: each once, to whom it concerns, and only to who wants it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from flask_babel import force_locale, gettext
from support.factories import make_account, make_petition, make_signature, post_form, sign_in
from support.retention import Clock, anonymise_all, close_long_ago

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.composers import Skipped
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.desk import alerts, home
from petition.desk.emails import compose_team_alert
from petition.desk.models import TeamAlert
from petition.desk.tasks import check_alerts, run_retention
from petition.integrations.webhooks import endpoints
from petition.operations.health.troubles import TroubleAlert
from petition.petitions.counters import increment
from petition.privacy.person_requests import record_request
from petition.signatures.abuse import attacks
from petition.signatures.confirm import confirm_signature
from petition.signatures.staff.restriction import restrict
from petition.team.models import Account

MORNING = datetime(2026, 11, 27, 7, tzinfo=UTC)


@pytest.fixture
def team(app):
    """Return one member of each role, who reads English; without the first milestone of 100."""
    return {
        role: make_account(email=f"{role}@example.org", language="en", role_names=[role], password="four words")
        for role in ("campaigner", "sender", "operator")
    }


@pytest.fixture
def night(monkeypatch):
    """Let no digest be due."""
    monkeypatch.setattr(alerts, "DIGEST_HOUR", 24)


def make_signed_petition(**overrides):
    petition = make_petition(milestones=[1, 2], **overrides)
    confirm_signature(make_signature(petition))
    db.session.commit()
    return petition


def alerted():
    rows = db.session.query(TeamAlert, Account).join(Account, Account.id == TeamAlert.account_id)
    return sorted((alert.kind, account.email.split("@")[0]) for alert, account in rows)


def test_milestone_is_alerted_of_once_and_the_next_one_too(team, night):
    petition = make_signed_petition()
    for _ in range(2):
        check_alerts()
        assert alerted() == [("milestone", "campaigner"), ("milestone", "sender")]
    confirm_signature(make_signature(petition, email="b@example.org"))
    check_alerts()
    assert len(alerted()) == 4
    assert db.session.query(Delivery).filter_by(kind="team_alert").count() == 4


def test_milestone_counts_paper(team, night):
    petition = make_petition(milestones=[50])
    confirm_signature(make_signature(petition))
    increment(petition.id, 1, "paper", 49)
    db.session.commit()
    check_alerts()
    alert = db.session.query(TeamAlert).first()
    assert (alert.data["milestone"], alert.data["confirmed"], alert.data["paper"]) == (50, 1, 49)
    assert alert.data["goal"] == 100


def test_closing_soon_is_alerted_of_once_a_date(team, night):
    petition = make_petition(closes_at=clock.now() + timedelta(days=8))
    check_alerts()
    assert alerted() == []
    petition.closes_at = clock.now() + timedelta(days=6)
    db.session.commit()
    for _ in range(2):
        check_alerts()
        assert alerted() == [("closing", "campaigner"), ("closing", "sender")]
    message = compose("closing")["campaigner@example.org"]
    assert "closes on" in message.body
    assert f"{petition.closes_at.astimezone(ZoneInfo(petition.timezone)):%Y}" in message.subject
    petition.closes_at = clock.now() + timedelta(days=4)
    db.session.commit()
    check_alerts()
    assert len(alerted()) == 4
    petition.closes_at, petition.closed_at = clock.now() + timedelta(days=2), clock.now()
    db.session.commit()
    check_alerts()
    assert len(alerted()) == 4


def compose(kind="milestone"):
    """Return the message to each address, None for who gets none."""
    rows = db.session.query(TeamAlert, Account).join(Account, Account.id == TeamAlert.account_id)
    rows = rows.filter(TeamAlert.kind == kind)
    addresses = {alert.id: account.email for alert, account in rows}
    composed = compose_team_alert([SimpleNamespace(id=number, subject_id=number) for number in addresses])
    return {addresses[n]: None if isinstance(m, Skipped) else m for n, m in composed.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_email_says_what_and_where(team, night, language):
    for account in team.values():
        account.language = language
    petition = make_signed_petition()
    check_alerts()
    message = compose()["campaigner@example.org"]
    with force_locale(language):
        title = petition.text_in(petition.default_language).title
        reached = gettext("“%(title)s” has reached %(milestone)s signatures.", title=title, milestone="1")
    assert reached in message.body
    assert "/desk/petitions/jardin" in message.body
    assert "/account/" in message.html


def test_each_can_be_switched_off_also_while_it_waits(client, team, night):
    account = sign_in(client, "admin", language="en", password="four words")
    assert post_form(client, "/account/alerts", alert=["trouble"]).status_code == 303
    db.session.expire_all()
    kinds = ["milestone", "closing", "digest", "data", "integrity", "attack", "webhook"]
    assert account.alerts_off == kinds
    make_signed_petition()
    check_alerts()
    assert "admin" not in {name for _, name in alerted()}
    team["campaigner"].alerts_off = ["milestone"]
    team["sender"].active = False
    db.session.commit()
    assert compose() == {"campaigner@example.org": None, "sender@example.org": None}


def test_digest_comes_once_a_day_in_the_morning_if_there_is_news(team, monkeypatch):
    monkeypatch.setattr(alerts.clock, "now", lambda: MORNING - timedelta(hours=2))
    check_alerts()
    assert alerted() == []
    monkeypatch.setattr(alerts.clock, "now", lambda: MORNING)
    check_alerts()
    assert alerted() == [], "nothing happened"
    petition = make_petition(milestones=[])
    monkeypatch.setattr(home, "read_new", lambda petitions: {petition.id: SimpleNamespace(counted=3, submitted=5)})
    for _ in range(2):
        check_alerts()
        assert alerted() == [("digest", "campaigner")]
    data = db.session.query(TeamAlert).filter_by(kind="digest").one().data
    assert data["petitions"] == [{"slug": "jardin", "title": "Pour un jardin", "new": 3, "total": 0}]
    monkeypatch.setattr(alerts.clock, "now", lambda: MORNING + timedelta(days=1))
    check_alerts()
    assert alerted().count(("digest", "campaigner")) == 2


@pytest.mark.parametrize(("language", "subject", "over"), [("en", "Emails are stuck", "Over, after 9 minutes"),
                                                            ("fr", "bloqués", "Terminé, après 9 minutes")])  # fmt: skip
def test_trouble_and_its_end_are_one_email_each(team, night, monkeypatch, language, subject, over):
    team["operator"].language = language
    messages = {"en": "The broker does not answer.", "fr": "Le courtier ne répond pas."}
    found = [TroubleAlert("BrokerDown", "stuck", messages, MORNING)]
    monkeypatch.setattr(alerts, "take_alerts", lambda now: [found.pop()] if found else [])
    for _ in range(2):
        check_alerts()
        assert alerted() == [("trouble", "operator")]
    message = compose("trouble")["operator@example.org"]
    assert messages[language] in message.body
    assert subject in message.subject
    db.session.query(Delivery).delete()
    db.session.query(TeamAlert).delete()
    found.append(TroubleAlert("BrokerDown", "stuck", messages, MORNING, MORNING + timedelta(minutes=9)))
    check_alerts()
    message = compose("trouble")["operator@example.org"]
    assert over in message.body.replace("\u202f", " ")
    assert subject not in message.subject
    assert over in message.html.replace("\u202f", " ")


def test_old_alerts_are_deleted_and_milestones_kept(team, night):
    make_signed_petition()
    check_alerts()
    db.session.add(TeamAlert(kind="digest", key="2026-01-01", data={}))
    db.session.query(TeamAlert).update({"created_at": clock.now() - timedelta(days=100)})
    db.session.commit()
    run_retention()
    assert {kind for kind, _ in alerted()} == {"milestone"}
    assert db.session.query(TeamAlert).filter_by(kind="digest").count() == 0


def test_a_request_about_data_is_alerted_of_a_week_before_its_deadline_once(team, night, sent_emails):
    day = clock.now().date()
    record_request("erase", "letter", "zoe@example.org", day)
    soon = record_request("access", "phone", "anna@example.org", day - timedelta(days=25))
    db.session.commit()
    for _ in range(2):
        check_alerts()
        assert alerted() == [("data", "campaigner")]
    run_queue("notifications")
    [email] = sent_emails
    assert f"/desk/requests/{soon.id}" in email.body
    assert "A copy of their data" in " ".join(email.body.split())
    assert "anna" not in email.body


def test_what_stays_restricted_is_alerted_of_each_month(team, night, monkeypatch, sent_emails):
    petition = make_petition()
    signature = make_signature(petition)
    confirm_signature(signature)
    restrict(signature)
    close_long_ago(petition)
    travel = Clock(monkeypatch)
    anonymise_all(travel)
    db.session.query(Delivery).delete()
    for _ in range(2):
        check_alerts()
        assert alerted()[0] == ("data", "campaigner")
        assert "data" not in [kind for kind, _to in alerted()[1:]]
    run_queue("notifications")
    assert "anonymised, but for 1 whose use is restricted" in " ".join(sent_emails[0].body.split())
    travel.move(days=31)
    check_alerts()
    assert [kind for kind, _to in alerted()].count("data") == 2


def test_a_webhook_that_its_receiver_switched_off(team, night):
    endpoint = endpoints.create("https://hooks.example.org/x", ["mailing.finished"], None, "alix@example.org")
    endpoint.state, endpoint.disabled_at = "disabled", clock.now()
    db.session.commit()
    for _ in range(2):
        alerts.check()
    assert alerted() == [("webhook", "campaigner")]
    [alert] = db.session.query(TeamAlert)
    [delivery] = db.session.query(Delivery).filter_by(kind="team_alert")
    assert (alert.id, alert.data["host"]) == (delivery.subject_id, "hooks.example.org")


def make_attacked_petition(now, number=3):
    petition = make_petition(attacked_since=now - timedelta(minutes=1), attacked_until=now + attacks.CALM)
    for n in range(number):
        make_signature(petition, email=f"robot{n}@example.net", name="Robot")
    return petition


def test_an_attack_is_alerted_of_once_and_the_next_one_again(team, night, sent_emails):
    now = clock.now()
    petition = make_attacked_petition(now)
    for _ in range(2):
        check_alerts()
        assert alerted() == [("attack", "campaigner")]
    run_queue("notifications")
    [email] = [message for message in sent_emails if message.to == "campaigner@example.org"]
    assert email.subject.startswith("Robots seem to sign: ")
    assert "within 10 minutes 3 signatures came that nobody has confirmed" in " ".join(email.body.split())
    assert "/desk/petitions/jardin/integrity" in email.body
    petition.attacked_since, petition.attacked_until = now, now + attacks.CALM * 2  # another one
    db.session.commit()
    check_alerts()
    assert alerted() == [("attack", "campaigner")] * 2


@pytest.mark.parametrize("change", [{"challenge": "off"}, {"challenge": "on"}, {"attacked_until": None}])
def test_no_attack_is_alerted_of_that_is_over_or_that_the_team_decided_on(team, night, change):
    petition = make_attacked_petition(clock.now())
    for name, value in change.items():
        setattr(petition, name, value)
    db.session.commit()
    check_alerts()
    assert alerted() == []


def test_who_switched_it_off_is_not_alerted_of_an_attack(team, night):
    team["campaigner"].alerts_off = ["attack"]
    make_attacked_petition(clock.now())
    check_alerts()
    assert alerted() == []
