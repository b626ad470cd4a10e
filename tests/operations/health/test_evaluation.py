"""Health follows what people feel: who waits since when, and what the mail server accepts."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import current_app
from sqlalchemy import func, text, update
from support.factories import make_petition, make_signature
from support.heartbeats import record_lasting_heartbeat

from petition.core.db import db
from petition.delivery import pauses
from petition.delivery.bounces.models import BounceMailboxState
from petition.delivery.models import Delivery
from petition.operations.health.evaluation import evaluate_health, format_check
from petition.operations.health.facts import HealthFacts, Pause, Tries
from petition.operations.statistics import broker_stats
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.snapshot import read_facts

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
QUEUES = ("confirmations", "notifications", "mailings", "maintenance", "webhooks")


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def evaluate(**facts):
    """Return the health of a queue whose parts all run, but for these facts."""
    workers = dict.fromkeys(QUEUES, 1)
    return evaluate_health(
        HealthFacts(at=NOW, slow_after=8, stuck_after=60, **{"workers": workers, "threads": 8, **facts}), BrokerStats()
    )


def text_of(health):
    return " ".join(reason.message() for reason in health.reasons).replace("\xa0", " ")


def waiting_since(seconds, late, newest_late=None, put_off=True):
    """Return the facts of people who wait: the first of them for so long, so many of them beyond the threshold."""
    oldest = ago(seconds)
    return {
        "waiting": max(late, 1),
        "oldest_at": oldest,
        "oldest_ours_at": oldest,
        "oldest_untried_at": None if put_off else oldest,
        "late": late,
        "newest_late_at": ago(newest_late or seconds) if late else None,
    }


def test_nothing_accepted_is_reported_at_every_rate():
    """Without a success for five seconds one rejection is enough, and a thousand are no less."""
    for refused in (1, 40, 1000):
        tries = Tries(ago(6), ago(0.1), refused_since=refused, refused_by_server_since=refused, response="451 4.3.0 no")
        health = evaluate(tries=tries)
        assert health.status == "slow"
        assert "accepted nothing for 6.0 s" in text_of(health)
        assert "451 4.3.0 no" in text_of(health)
    assert evaluate(tries=Tries(ago(2), ago(0.1), 1, 1)).status == "ok", "not before five seconds"
    never = Tries(None, ago(0.1), refused_since=1, refused_by_server_since=1, response="451")
    assert "accepts nothing" in text_of(evaluate(tries=never))


def test_full_mailboxes_and_mistyped_addresses_are_no_alarm():
    assert evaluate(tries=Tries(ago(600), ago(1), refused_since=2, refused_by_server_since=0)).status == "ok"
    assert evaluate(tries=Tries(ago(600), ago(1), refused_since=3, refused_by_server_since=0)).status == "slow"


def test_status_does_not_flap_while_most_domains_fail():
    """One window that is well by chance does not end it."""
    well = {"accepted_short": 4, "refused_short": 2, "accepted_long": 10, "refused_long": 50}
    assert evaluate(tries=Tries(ago(1), ago(1), response="451", **well)).status == "slow"
    few = {"accepted_short": 2, "refused_short": 0, "accepted_long": 10, "refused_long": 50}
    assert evaluate(tries=Tries(ago(1), ago(1), response="451", **few)).status == "slow", "two are no proof"
    over = {"accepted_short": 3, "refused_short": 0, "accepted_long": 10, "refused_long": 50}
    assert evaluate(tries=Tries(ago(1), ago(1), response="451", **over)).status == "ok"
    in_a_row = {"accepted_short": 25, "refused_short": 40, "accepted_long": 30, "refused_long": 90}
    assert evaluate(tries=Tries(ago(1), ago(1), response="451", accepted_in_a_row=19, **in_a_row)).status == "slow"
    assert evaluate(tries=Tries(ago(1), ago(1), response="451", accepted_in_a_row=20, **in_a_row)).status == "ok"
    begun = {"accepted_short": 2, "refused_short": 10, "accepted_long": 300, "refused_long": 10}
    assert "10 of the last 12" in text_of(evaluate(tries=Tries(ago(1), ago(1), response="451", **begun)))


def test_people_put_off_for_longer_than_the_threshold_are_stuck():
    health = evaluate(**waiting_since(61, late=3))
    assert health.status == "stuck"
    assert "People who wait for their link: 3, the first of them for 1 min 1 s" in text_of(health)
    assert evaluate(**waiting_since(59, late=0)).status == "ok", "put off, for less than the threshold"
    assert evaluate(**waiting_since(9, late=0, put_off=False)).status == "slow", "not even tried"


def test_one_address_that_cannot_be_reached_is_not_critical_while_others_are_served():
    one = waiting_since(4000, late=1)
    assert evaluate(**one, tries=Tries(last_success_at=ago(100))).status == "slow"
    assert evaluate(**one, tries=Tries(last_success_at=ago(4001))).status == "stuck", "nobody was served since"
    two = waiting_since(4000, late=2, newest_late=70)
    assert evaluate(**two, tries=Tries(last_success_at=ago(100))).status == "stuck", (
        "nobody who signed after the second"
    )


def test_connections_that_hang_are_named():
    health = evaluate(sending=8, tries=Tries(ago(7), ago(7)), **waiting_since(6, late=0, put_off=False))
    assert "All 8 connections wait for the mail server" in text_of(health)
    assert evaluate(sending=8, tries=Tries(ago(1), ago(1)), **waiting_since(6, late=0, put_off=False)).status == "ok"


def test_planned_pause_is_shown_and_raises_no_alarm():
    paused = evaluate(pauses={"confirmations": Pause("the provider asked", 30, None)}, **waiting_since(600, late=3))
    assert (paused.status, paused.exit_code, paused.alarm_code) == ("slow", 1, 0)
    assert text_of(paused) == "The queue confirmations is paused: the provider asked"


def test_pause_of_all_queues_is_said_once():
    pauses = {"all": Pause("a backup was restored", 30, None), "mailings": Pause("a mistake in the text.", 30, None)}
    paused = evaluate(pauses=pauses, **waiting_since(600, late=3))
    assert [reason.message() for reason in paused.reasons] == [
        "All queues are paused: a backup was restored", "The queue mailings is paused: a mistake in the text."
    ]  # fmt: skip
    line = format_check(paused, HealthFacts(NOW, 8, 60))
    assert "a backup was restored. The queue mailings is paused: a mistake in the text. | " in line, "sentences"


def test_back_off_that_lasts_is_stuck_and_said_once():
    tries = Tries(None, ago(1), refused_since=5, refused_by_server_since=5, response="421 4.3.2 busy")
    health = evaluate(pauses={"server": Pause("421 4.3.2 busy", 61, 12)}, tries=tries)
    assert health.status == "stuck"
    assert text_of(health).count("421 4.3.2 busy") == 1
    over = evaluate(pauses={"server": Pause("421 4.3.2 busy", 600, -61)})
    assert over.status == "ok"


def test_causes_come_before_symptoms():
    health = evaluate(workers={}, **waiting_since(600, late=3))
    assert [reason.runbook for reason in health.reasons] == ["QueueWithoutWorker", "ConfirmationsDelayed"]
    assert format_check(health, HealthFacts(NOW, 8, 60)).startswith(
        "PETITION CRITICAL - No worker takes the queues conf"
    )


@pytest.fixture
def all_parts_run(app):
    for part, queues in (("worker", QUEUES), ("beat", ())):
        record_lasting_heartbeat(part, part, queues)
    db.session.commit()


def read_health():
    return evaluate_health(read_facts(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"]))


def put(address, signed_ago, attempts=(), **values):
    """Add somebody who signed so many seconds ago, with attempts (seconds ago, state, response)."""
    signature = make_signature(make_petition(slug=f"p{address[0]}"), email=address)
    email = db.session.query(Delivery).filter_by(subject_id=signature.id).one()
    values = {"created_at": text(f"now() - interval '{signed_ago} s'")} | values
    db.session.execute(update(Delivery).where(Delivery.id == email.id).values(**values))
    for seconds, state, response in attempts:
        db.session.execute(
            text("""INSERT INTO attempts (delivery_id, ended_at, state, response)
                    VALUES (:id, now() - make_interval(secs => :seconds), :state, :response)"""),
            {"id": email.id, "seconds": seconds, "state": state, "response": response},
        )
    db.session.commit()


def test_facts_of_an_empty_queue(all_parts_run):
    health = read_health()
    assert (health.status, health.waiting, health.oldest) == ("ok", 0, None)


def test_facts_count_people_put_off_since_they_signed(all_parts_run):
    deferred = {"state": "deferred", "cause": "451 4.3.0", "attempt": 4}
    later = text("now() + interval '1 hour'")
    put("ann@a.example", 300, [(2, "deferred", "451 4.3.0 try later")], next_attempt_at=later, **deferred)
    facts = read_facts()
    assert facts.waiting == 1
    assert 299 < facts.oldest < 310
    assert (facts.late, facts.tries.refused_by_server_since) == (1, 1)
    assert facts.oldest_untried is None
    assert read_health().status == "stuck"


def test_facts_leave_out_full_mailboxes_and_emails_for_later(all_parts_run):
    full = {"state": "deferred", "cause": "452 4.2.2", "attempt": 2}
    put("bob@a.example", 7200, [(5, "deferred", "452 4.2.2 mailbox full")], **full)
    put("cat@a.example", 3600, next_attempt_at=text("now() + interval '1 hour'"))
    facts = read_facts()
    assert facts.waiting == 2
    assert facts.oldest > 7100, "shown, as this person waits"
    assert (facts.oldest_ours, facts.late, facts.tries.refused_by_server_since) == (None, 0, 0)
    assert read_health().status == "ok"


def test_facts_count_requests_that_no_worker_took(all_parts_run):
    petition = make_petition()
    db.session.execute(
        text("""
        INSERT INTO sign_requests (petition_id, party, name, email, email_canonical, locale, listed, updates, source,
                                   requested_at)
        VALUES (:petition, 'person', 'Zoé', 'zoe@example.org', 'zoe@example.org', 'fr', true, false, 'form',
                now() - interval '70 s')"""),
        {"petition": petition.id},
    )
    db.session.commit()
    facts = read_facts()
    assert (facts.waiting, facts.late) == (1, 1)
    assert 69 < facts.oldest_untried < 80
    assert read_health().status == "stuck"


def test_facts_of_acceptance(all_parts_run):
    sent = {"state": "sent"}
    put("dan@a.example", 30, [(20, "deferred", "451 4.7.1 greylisted"), (3, "sent", "250 ok")], **sent)
    refused = [(2, "deferred", "SMTPServerDisconnected: closed"), (1, "deferred", "451 4.2.2 full")]
    put("eve@b.example", 20, refused, state="deferred", cause="SMTPServerDisconnected")
    tries = read_facts().tries
    assert (tries.refused_since, tries.refused_by_server_since) == (2, 1)
    assert (tries.accepted_short, tries.refused_short) == (1, 1)
    assert (tries.accepted_long, tries.refused_long) == (1, 2)
    assert tries.response == "SMTPServerDisconnected: closed", "not what was said of one mailbox"


def test_facts_read_pauses_and_processes(app):
    pauses.pause("mailings", "a holiday", "Ada")
    pauses.back_off_server("421 no")
    record_lasting_heartbeat("worker", "w", ["confirmations"], 4)
    db.session.commit()
    facts = read_facts()
    assert facts.pause_for("mailings").reason == "a holiday"
    assert facts.backoff.reason == "421 no"
    assert (facts.workers["confirmations"], facts.threads, facts.beat_silent) == (1, 4, True)
    assert facts.unserved_queues == ["notifications", "mailings", "maintenance", "webhooks"]


def test_bounce_mailbox_out_of_reach_is_reported_after_a_quarter_of_an_hour(all_parts_run):
    since = func.now() - text("interval '14 minutes'")
    db.session.add(BounceMailboxState(id=1, problem="login", response="[AUTHENTICATIONFAILED] no", since=since))
    db.session.flush()
    assert evaluate_health(read_facts(), BrokerStats()).reasons == []
    db.session.execute(update(BounceMailboxState).values(since=func.now() - text("interval '16 minutes'")))
    health = evaluate_health(read_facts(), BrokerStats())
    assert (health.status, "[AUTHENTICATIONFAILED] no" in text_of(health)) == ("slow", True)
    assert health.reasons[0].runbook == "BounceMailboxUnreadable"
    db.session.execute(update(BounceMailboxState).values(problem="", since=None))
    assert evaluate_health(read_facts(), BrokerStats()).reasons == []
