"""History over months: filled by the rollup, folded into days, and by provider without the domains of few emails."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations.models import MailHistory
from petition.operations.statistics import history, rollup
from petition.signatures.confirm import confirm_signature


def now():
    return db.session.scalar(select(func.now()))


def sent_to(domain, count, *, state="sent", **values):
    petition = make_petition(slug=f"p-{domain.replace('.', '-')}")
    signatures = [make_signature(petition, email=f"s{n}@{domain}") for n in range(count)]
    ids = [signature.id for signature in signatures]
    db.session.execute(
        update(Delivery)
        .where(Delivery.subject_id.in_(ids))
        .values(state=state, settled_at=func.now(), tried_at=func.now(), domain=domain, **values)
    )
    db.session.commit()
    return signatures


def age(days):
    """Make everything in the history older."""
    db.session.execute(text("UPDATE mail_history SET at = at - make_interval(days => :days)"), {"days": days})
    db.session.commit()


@pytest.mark.usefixtures("within_one_hour")
def test_volume_waits_and_confirmations_reach_the_history(app):
    signatures = sent_to("gmail.com", 4)
    confirm_signature(signatures[0])
    sent_to("orange.fr", 2, state="failed", cause="550 5.7.1")
    sent_to("full.example", 1, state="failed", cause="mailbox budget")
    rollup.roll_up()
    slots = history.read_slots(history.PERIODS["month"], now())
    assert len(slots) == 30
    today = slots[-1]
    assert today.sent["confirmations"] == 4
    assert (today.count("failed"), today.count("budget")) == (2, 1)
    assert (today.count("linked"), today.count("confirmed")) == (4, 1)
    assert today.rejections == {"orange.fr": 2}
    assert today.percentile(0.95) is not None
    providers = {each.name: each for each in history.list_providers(history.PERIODS["month"], now())}
    assert list(providers) == ["google.com", "orange.fr"]
    assert providers["google.com"].confirmation_rate == 0.25
    assert history.read_slots(history.PERIODS["week"], now(), "orange.fr")[-1].count("failed") == 2


def test_provider_named_by_dns_is_the_one_of_its_domains(app):
    db.session.execute(
        text("INSERT INTO mail_domains (domain, provider, expires_at) VALUES ('club.example', 'google.com', now())")
    )
    sent_to("club.example", 1, state="failed", cause="550 5.7.1", reason="550 5.7.1 not from you")
    rollup.roll_up()
    [group] = history.list_rejections("google.com")
    assert (group.domain, group.sample) == ("club.example", "550 5.7.1 not from you")
    assert history.list_rejections("club.example") == []
    assert [each.name for each in history.list_providers(history.PERIODS["week"], now())] == ["google.com"]


@pytest.mark.usefixtures("within_one_hour")
def test_domains_of_few_emails_are_counted_together_after_two_days(app, monkeypatch):
    monkeypatch.setattr(rollup, "MIN_DAILY_EMAILS", 6)
    sent_to("martin.example", 2)
    sent_to("town.example", 3)
    sent_to("gmail.com", 1)
    rollup.roll_up()
    rollup.delete_expired()
    assert len({row.provider for row in db.session.query(MailHistory)}) == 3, "nothing is folded on the same day"
    age(3)
    rollup.delete_expired()
    assert {row.provider for row in db.session.query(MailHistory)} == {"google.com", "other", "town.example"}
    found = {each.name: each for each in history.list_providers(history.PERIODS["week"], now())}
    assert found["other"].count("sent") == 2


def test_hours_become_days_and_days_end_after_thirteen_months(app):
    sent_to("gmail.com", 5)
    rollup.roll_up()
    age(22)
    volume = sum(slot.sent["confirmations"] for slot in history.read_slots(history.PERIODS["month"], now()))
    rollup.delete_expired()
    assert {row.grain for row in db.session.query(MailHistory)} == {"day"}
    slots = history.read_slots(history.PERIODS["month"], now())
    assert sum(slot.sent["confirmations"] for slot in slots) == volume == 5
    age(390)
    rollup.delete_expired()
    assert db.session.query(MailHistory).count() == 0


def test_slots_of_a_year_are_weeks_that_begin_on_mondays():
    at = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
    slots = history.PERIODS["year"].find_slots(at)
    assert slots[-1] == datetime(2026, 11, 23, tzinfo=UTC)
    assert len(slots) == 56
    assert at - slots[0] > timedelta(days=385)
