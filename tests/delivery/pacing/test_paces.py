"""Providers that refuse us: they alone wait, on every queue, nothing is lost, and they recover by themselves."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func
from support.factories import make_mailing

from petition.core.db import db
from petition.delivery.claims import get_lease_duration
from petition.delivery.clock_skew import repair_future_times
from petition.delivery.models import Delivery
from petition.delivery.pacing import actions, paces
from petition.delivery.pacing.models import MailProvider
from petition.delivery.queues import CONFIRMATIONS
from petition.delivery.smtp.connection import close_on_exit
from petition.delivery.suppressions.suppression_list import find_suppressed
from petition.delivery.worker import run_queue
from petition.petitions.models import Petition

RATE = "421 4.7.28 unusual rate of mail originating from your IP address"
BLOCK = "550 5.7.1 Service unavailable, client host blocked using Spamhaus"
UNSIGNED = "550 5.7.26 This mail has been blocked because the sender is unauthenticated"
POLICY = "550 5.7.1 refused by policy"
CLOSING = "421 4.3.2 closing"
HERE = [f"o{n}@{domain}" for n, domain in enumerate(["orange.fr", "wanadoo.fr"] * 3)]
ELSEWHERE = [f"e{n}@example.org" for n in range(6)]


def provider(name="orange.fr"):
    db.session.expire_all()
    return db.session.get(MailProvider, name)


def states(rows):
    return [(row.state, row.attempt, row.parked_for) for row in rows()]


def pass_time(seconds):
    """Move what providers wait for into the past; emails that they released are due by themselves."""
    gone = timedelta(seconds=seconds)
    for row in db.session.query(MailProvider):
        for name in ("backoff_until", "stepped_at", "refilled_at", "refused_at"):
            if getattr(row, name):
                setattr(row, name, getattr(row, name) - gone)
    for row in db.session.query(Delivery).filter(Delivery.state == "deferred", Delivery.parked_for.is_(None)):
        row.next_attempt_at = row.next_attempt_at - gone
    db.session.commit()
    paces.watched.expire()


def refuse(server, answer, domains=("orange.fr", "wanadoo.fr")):
    server.on_rcpt = lambda address: answer if address.rpartition("@")[2] in domains else None


@pytest.mark.parametrize("answer", [RATE, BLOCK, UNSIGNED])
def test_provider_that_refuses_us_is_backed_off_from_and_its_emails_wait(server, enqueue_confirmations, rows, answer):
    enqueue_confirmations(*(address for pair in zip(HERE, ELSEWHERE, strict=True) for address in pair))
    refuse(server, answer)
    run_queue("confirmations")
    assert sorted(server.addresses) == ELSEWHERE, "nobody else waits"
    waiting = [row for row in rows() if row.domain != "example.org"]
    # The second rejection in a row is the provider's: from then on no attempt is made or counted.
    assert [(row.state, row.attempt) for row in waiting] == [("deferred", 1), *[("deferred", 0)] * 5]
    assert [row.parked_for for row in waiting] == [None, *["orange.fr"] * 5]
    found = provider()
    assert (found.state, found.strikes, found.response) == ("backing_off", 1, answer.replace("  ", " "))
    assert not find_suppressed(HERE)


def test_one_rejection_is_not_the_providers(server, enqueue_confirmations, rows):
    enqueue_confirmations(*HERE)
    server.on_rcpt = lambda address: BLOCK if address in (HERE[0], HERE[2], HERE[4]) else None
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["deferred", "sent"] * 3
    assert provider().state == "flowing"


def test_email_that_is_refused_again_and_again_is_not_the_providers_and_is_kept(server, enqueue_confirmations, rows):
    enqueue_confirmations(HERE[0])
    refuse(server, BLOCK)
    for _ in range(CONFIRMATIONS.max_attempts + 3):
        db.session.query(Delivery).update({"next_attempt_at": func.now()})
        db.session.commit()
        run_queue("confirmations")
    assert states(rows) == [("deferred", CONFIRMATIONS.max_attempts - 1, None)]
    assert provider().state == "flowing"


@pytest.mark.parametrize(("n", "expected"), [(1, "failed"), (3, "deferred")])
def test_policy_is_a_block_if_several_emails_meet_it(server, enqueue_confirmations, rows, n, expected):
    enqueue_confirmations(*HERE[:n])
    refuse(server, POLICY)
    for _ in range(10):
        db.session.query(Delivery).filter_by(parked_for=None).update({"next_attempt_at": func.now()})
        db.session.commit()
        run_queue("confirmations")
    assert {row.state for row in rows()} == {expected}


def test_provider_recovers_by_itself_one_email_first(server, enqueue_confirmations, rows):
    enqueue_confirmations(*HERE)
    refuse(server, RATE)
    run_queue("confirmations")
    tried = []
    server.on_rcpt = lambda address: tried.append(address) or (RATE if len(tried) <= 2 else None)
    for expected in (1, 2):
        assert run_queue("confirmations") == 0, "nothing is tried during the back-off"
        pass_time(paces.FIRST_BACKOFF_SECONDS * 2.6**expected)
        run_queue("confirmations")
        assert len(tried) == expected, "one email is tried"
        assert provider().strikes == expected + 1
    assert len(set(tried)) == 2, "not the same one again"
    pass_time(paces.FIRST_BACKOFF_SECONDS * 10)
    run_queue("confirmations")
    assert provider().state == "growing"
    steps = 0
    while provider().state == "growing" and steps < 20:
        enqueue_confirmations(f"more{steps}@orange.fr")
        pass_time(paces.STEP_SECONDS + 1)
        run_queue("confirmations")
        steps += 1
    assert provider().state == "flowing"
    assert 4 <= steps <= 12
    pass_time(60)
    run_queue("confirmations")
    assert {row.state for row in rows()} == {"sent"}
    assert {row.attempt for row in rows()} <= {1, 2}


def test_back_offs_double_to_a_bound(app):
    waits = []
    for n in range(12):
        paces.refuse("orange.fr", n, "rate", RATE)
        paces.refuse("orange.fr", n + 100, "rate", RATE)
        waits.append((provider().backoff_until - db.session.scalar(func.now())).total_seconds())
        db.session.rollback()
        pass_time(waits[-1] + 1)
    assert 14 < waits[0] <= 19
    assert all(later > earlier * 1.2 for earlier, later in pairwise(waits[:6]))
    assert paces.MAX_BACKOFF_SECONDS - 1 < waits[-1] <= paces.MAX_BACKOFF_SECONDS


def test_many_rejections_at_once_are_one_back_off(app):
    with ThreadPoolExecutor(6) as pool:

        def work(n):
            with app.app_context():
                return paces.refuse("orange.fr", n, "reputation", BLOCK)

        assert list(pool.map(work, range(12))).count(True) >= 11
    assert provider().strikes == 1


def test_pace_grows_slowly_beyond_half_of_what_was_refused(app):
    db.session.add(MailProvider(name="orange.fr", state="growing", pace=4000, stepped_at=func.now()))
    db.session.commit()
    for n in range(2):
        paces.refuse("orange.fr", n, "rate", RATE)
    assert (provider().state, provider().pace, provider().slow_from) == ("backing_off", None, 2000)
    pass_time(30)
    grown = []
    for _ in range(4):
        token = uuid.uuid4()
        paces.admit({"orange.fr": 1}, token, get_lease_duration(), None)
        paces.finish({"orange.fr": True}, token)
        grown.append(provider().pace)
        pass_time(paces.STEP_SECONDS + 1)
    assert grown == [600, 1200, 2400, pytest.approx(2640)]


def test_trouble_that_may_be_our_servers_backs_off_from_a_provider_for_a_minute_at_most(
    server, enqueue_confirmations, rows
):
    enqueue_confirmations(*HERE)
    refuse(server, CLOSING)
    run_queue("confirmations")
    assert [row.attempt for row in rows()] == [1, 1, 0, 0, 0, 0]
    assert [row.parked_for for row in rows()] == [None, None, *["orange.fr"] * 4]
    db.session.query(MailProvider).update({"strikes": 9})
    pass_time(100)
    run_queue("confirmations")
    assert provider().backoff_until <= db.session.scalar(func.now()) + timedelta(seconds=60)


def test_mailbox_that_does_not_exist_shows_that_the_provider_is_well(server, enqueue_confirmations, rows):
    enqueue_confirmations(*HERE)
    refuse(server, RATE)
    run_queue("confirmations")
    refuse(server, "550 5.1.1 no such user")
    pass_time(60)
    run_queue("confirmations")
    assert provider().state == "growing"
    assert [row.state for row in rows()].count("failed") in (1, 2)


def test_greylisting_slows_nobody_down(server, enqueue_confirmations, rows):
    enqueue_confirmations(*HERE)
    refuse(server, "451 4.7.1 Greylisted, try again")
    run_queue("confirmations")
    assert states(rows) == [("deferred", 1, None)] * 6
    assert db.session.query(MailProvider).count() == 0


@pytest.mark.slow
def test_limit_of_emails_an_hour_holds_on_every_queue_confirmations_first(server, enqueue_confirmations, rows):
    actions.set_limits("orange.fr", 3600, None, "Alix")
    enqueue_confirmations(*(f"o{n}@orange.fr" for n in range(30)))
    mailing = make_mailing(db.session.query(Petition).one(), state="sending")
    late = [row.id for row in rows()[15:]]
    as_mailing = {"queue": "mailings", "mailing_id": mailing.id, "budgeted": True}
    db.session.query(Delivery).filter(Delivery.id.in_(late)).update(as_mailing)
    pass_time(3600)
    run_queue("confirmations")
    assert len(server.addresses) == 10, "ten seconds' worth of what was not used"
    run_queue("mailings")
    assert len(server.addresses) in (10, 11)
    pass_time(3)
    run_queue("mailings")
    assert len(server.addresses) in (10, 11), "confirmations wait for this provider"
    for _ in range(12):
        pass_time(3)
        run_queue("confirmations")
        run_queue("mailings")
    assert {row.state for row in rows()} == {"sent"}
    assert sorted(server.addresses) == sorted(f"o{n}@orange.fr" for n in range(30))


def test_limit_of_connections_holds_over_all_workers(app):
    actions.set_limits("orange.fr", None, 2, "Alix")
    db.session.commit()
    tokens = [uuid.uuid4() for _ in range(5)]

    def work(token):
        with app.app_context():
            return paces.admit({"orange.fr": 7}, token, get_lease_duration(), None)["orange.fr"].granted

    with ThreadPoolExecutor(5) as pool:
        granted = list(pool.map(work, tokens))
    assert sorted(granted) == [0, 0, 0, 7, 7]
    paces.finish({"orange.fr": True}, tokens[granted.index(7)])
    assert work(uuid.uuid4()) == 7
    assert work(uuid.uuid4()) == 0
    # A worker that died gives its connection back with its lease.
    db.session.query(MailProvider).update({"leases": {"dead": "2020-01-01T00:00:00+00:00"}})
    db.session.commit()
    assert work(uuid.uuid4()) == 7


def test_workers_at_once_lose_and_repeat_nothing(app, server, enqueue_confirmations, rows):
    actions.set_limits("orange.fr", 36_000, 1, "Alix")
    addresses = [f"o{n}@orange.fr" for n in range(60)]
    enqueue_confirmations(*addresses)

    def work(_):
        with app.app_context(), close_on_exit():
            return run_queue("confirmations")

    for _ in range(10):
        pass_time(10)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        if {row.state for row in rows()} == {"sent"}:
            break
    assert sorted(server.addresses) == sorted(addresses)


@pytest.mark.parametrize("act", [actions.try_now, actions.resume])
def test_operator_ends_a_back_off(server, enqueue_confirmations, rows, act):
    enqueue_confirmations(*HERE)
    refuse(server, BLOCK)
    run_queue("confirmations")
    server.on_rcpt = lambda address: None
    assert act("orange.fr")
    db.session.commit()
    run_queue("confirmations")
    # The first one waits its own backoff; once one is taken the next may leave.
    assert len(server.addresses) in ((1, 2) if act is actions.try_now else (5,))
    assert not act("orange.fr")


def test_nothing_is_asked_while_all_is_well(app, server, enqueue_confirmations, monkeypatch):
    for name in ("admit", "finish", "refuse", "find_providers"):
        monkeypatch.setattr(f"petition.delivery.pacing.batch_pace.{name}", None)
    enqueue_confirmations(*HERE, *ELSEWHERE)
    assert run_queue("confirmations") == 12


def test_providers_without_trouble_for_a_week_are_forgotten(app):
    actions.set_limits("limited.org", 10, None, "Alix")
    paces.refuse("orange.fr", 1, "rate", RATE)
    pass_time(timedelta(days=8).total_seconds())
    actions.delete_old()
    assert [row.name for row in db.session.query(MailProvider)] == ["limited.org"]


def test_provider_is_not_backed_off_from_for_days_after_the_clock_moved_back(app):
    for n in range(2):
        paces.refuse("orange.fr", n, "rate", RATE)
    pass_time(-timedelta(days=2).total_seconds())
    repair_future_times()
    found = provider()
    now = db.session.scalar(func.now())
    assert found.backoff_until <= now + timedelta(seconds=paces.MAX_BACKOFF_SECONDS)
    assert max(found.refilled_at, found.refused_at) <= now
