"""Send times of a mailing's emails."""

from datetime import timedelta

import pytest
from support.factories import make_petition
from support.mailings import list_deliveries, make_consenting_signature, make_started_mailing

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.mailings.audience.send_rate import reschedule_remaining, send_stages
from petition.mailings.models import Mailing


def test_send_rate_spaces_the_emails(app, sent_emails):
    petition = make_petition()
    for n in range(6):
        make_consenting_signature(petition, f"s{n}@{'slow' if n < 4 else 'other'}.example.org")
    make_started_mailing(petition, per_hour=3600, per_domain_hour=60)
    waits = sorted((row.next_attempt_at - list_deliveries()[0].created_at).total_seconds() for row in list_deliveries())
    assert [round(wait, -1) for wait in waits][-3:] == [60, 120, 180]
    mailing = make_started_mailing(petition, name="warm", warm_up=2, per_hour=8)
    found = list_deliveries(mailing_id=mailing.id)
    first = min(row.next_attempt_at for row in found)
    assert sorted(round((row.next_attempt_at - first).total_seconds() / 60) for row in found) == [
        0,
        30,
        60,
        75,
        90,
        105,
    ]


def send_second(mailing, place, done=0):
    """Return the second at which an email is sent, by its place in what is left."""
    stage = next(s for s in reversed(send_stages(mailing, done)) if s.first_place <= place)
    return stage.starts_at_seconds + (place - stage.first_place) * stage.interval_seconds


@pytest.mark.parametrize(
    "rates",
    [{}, {"per_hour": 3600}, {"warm_up": 10}, {"warm_up": 10, "per_hour": 90}, {"warm_up": 5, "per_hour": 2}],
)
@pytest.mark.parametrize("done", [0, 5, 10, 75, 1000])
def test_remaining_emails_keep_their_schedule_whatever_was_sent(rates, done):
    mailing = Mailing(**rates)
    start = send_second(mailing, done)
    for place in (0, 1, 9, 10, 70, 5000):
        assert send_second(mailing, place, done) == pytest.approx(send_second(mailing, done + place) - start)


def test_warm_up_doubles_every_hour_up_to_the_full_rate():
    mailing = Mailing(warm_up=10, per_hour=35)
    assert [send_second(mailing, place) / 3600 for place in (0, 10, 30, 65, 100)] == [0, 1, 2, 3, 4]


def test_rescheduling_sends_what_is_left_in_its_order_from_now_on(app):
    petition = make_petition()
    for n in range(5):
        make_consenting_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition, warm_up=2, per_hour=4)
    order = [row.id for row in sorted(list_deliveries(), key=lambda row: row.next_attempt_at)]
    db.session.query(Delivery).filter(Delivery.id.in_(order[:2])).update({"state": "sent"})
    start = clock.now() + timedelta(days=1)
    reschedule_remaining(mailing, start, done=2)
    remaining = sorted(list_deliveries(state="due"), key=lambda row: row.next_attempt_at)
    assert [row.id for row in remaining] == order[2:]
    assert [(row.next_attempt_at - start).total_seconds() / 60 for row in remaining] == pytest.approx([0, 15, 30])
