"""What an outage put off is due again at once when it is over: in batches, and not where it is not over."""

import pytest
from sqlalchemy import func, select, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery, Pause
from petition.delivery.pauses import back_off_server, end_server_backoff
from petition.delivery.recovery import FIRST_BATCH, MAX_STRAGGLERS, RETRY_SECONDS, OutageWatch
from petition.delivery.replies.classifier import ReplyClass
from petition.delivery.smtp.responses import Outcome
from petition.delivery.worker import run_queue

LATER = Outcome("deferred", 451, "451 4.3.0 later", "451 4.3.0")
FULL = Outcome("deferred", 452, "452 4.2.2 full", "452 4.2.2")
TOO_FAST = Outcome("deferred", 421, "421 4.7.28 rate", "421 4.7.28", rejection=ReplyClass.RATE)
REFUSED = Outcome("deferred", None, "refused", "ConnectionRefusedError", server_trouble=True)
BEGUN_LATE = Outcome("deferred", None, "late", "LeaseExpired", attempt_refunded=True, retry_at_once=True)
LOST = Outcome("deferred", None, "lost", "SMTPServerDisconnected")
SENT = Outcome("sent", 250, "250 ok")


class Time:
    seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def watch(time):
    return OutageWatch(time)


def note_all(watch, outcome, *domains):
    return [watch.note(domain, outcome) for domain in domains]


def test_first_acceptance_after_an_outage_frees_what_it_put_off(watch, time):
    assert note_all(watch, LATER, *["orange.fr"] * 5) == [None] * 5
    assert watch.note("orange.fr", SENT) == ("451 4.3.0", frozenset({"orange.fr"}), FIRST_BATCH)
    assert watch.note("orange.fr", SENT) is None, "the next batch waits for a moment"
    time.seconds += 1
    assert watch.note("free.fr", SENT)[2] == 2 * FIRST_BATCH
    watch.note_drained("451 4.3.0")
    time.seconds += 1
    assert watch.note("orange.fr", SENT) is None
    time.seconds += 2
    assert watch.next_batch() == ("451 4.3.0", frozenset({"orange.fr"}), FIRST_BATCH), "threads that still waited"
    time.seconds += 40
    assert watch.next_batch() is None


def test_outage_of_several_providers_frees_all(watch):
    note_all(watch, LATER, "orange.fr", "gmail.com", "example.org")
    assert watch.note("gmail.com", SENT)[1] is None


def test_lost_and_refused_connections_are_one_trouble(watch):
    watch.note("orange.fr", LOST)
    watch.note("orange.fr", REFUSED)
    assert watch.note("orange.fr", SENT)[0] == "connection"


def test_emails_begun_late_by_a_busy_worker_are_no_outage(watch, time):
    note_all(watch, BEGUN_LATE, "a.fr", "a.fr", "a.fr")
    assert watch.note("a.fr", SENT) is None
    # Nor do they end the recovery of an outage that is over.
    note_all(watch, LOST, "a.fr", "a.fr")
    assert watch.note("a.fr", SENT) is not None
    note_all(watch, BEGUN_LATE, *["a.fr"] * MAX_STRAGGLERS * 2)
    time.seconds += 1
    assert watch.note("a.fr", SENT)[2] == 2 * FIRST_BATCH


def test_success_elsewhere_says_nothing(watch):
    note_all(watch, LATER, *["d1.example", "d2.example", "d3.example"] * 4)
    assert note_all(watch, SENT, *["d0.example"] * 20) == [None] * 20, "it was never put off"


def test_mailboxes_rates_and_single_emails_keep_their_backoff(watch):
    note_all(watch, FULL, *["orange.fr"] * 5)
    assert watch.note("orange.fr", SENT) is None
    note_all(watch, TOO_FAST, *["orange.fr"] * 5)
    assert watch.note("orange.fr", SENT) is None
    watch.note("orange.fr", LATER)
    assert watch.note("orange.fr", SENT) is None


def test_recovery_that_fails_is_tried_again_ever_later(watch, time):
    waits = []
    for _ in range(3):
        began = time.seconds
        note_all(watch, LATER, *["orange.fr"] * 12)
        while watch.note("orange.fr", SENT) is None:
            time.seconds += 1
            note_all(watch, LATER, *["orange.fr"] * 12)
        waits.append(time.seconds - began)
    assert waits[0] == 0
    assert waits[1] >= RETRY_SECONDS - 1
    assert waits[2] >= 2 * RETRY_SECONDS - 1


def test_outage_that_ended_while_its_recovery_had_to_wait_is_over_after_the_wait(watch, time):
    note_all(watch, LATER, *["orange.fr"] * 3)
    assert watch.note("orange.fr", SENT), "an email under way as it began: not its end"
    note_all(watch, LATER, *["orange.fr"] * 12)
    assert note_all(watch, SENT, *["orange.fr"] * 5) == [None] * 5
    time.seconds += RETRY_SECONDS + 1
    assert watch.note("orange.fr", SENT) == ("451 4.3.0", frozenset({"orange.fr"}), FIRST_BATCH)


def test_recovery_that_had_to_wait_begins_by_itself(watch, time):
    note_all(watch, LATER, *["orange.fr"] * 3)
    assert watch.note("orange.fr", SENT)
    note_all(watch, LATER, *["orange.fr"] * 12)
    assert watch.note("orange.fr", SENT) is None
    assert watch.next_batch() is None
    time.seconds += RETRY_SECONDS + 1
    assert watch.next_batch() == ("451 4.3.0", frozenset({"orange.fr"}), FIRST_BATCH), "nobody signs any more"


def test_outage_that_goes_on_during_the_wait_is_not_over_by_itself(watch, time):
    note_all(watch, LATER, *["orange.fr"] * 3)
    assert watch.note("orange.fr", SENT)
    note_all(watch, LATER, *["orange.fr"] * 12)
    note_all(watch, SENT, "orange.fr")
    note_all(watch, LATER, "orange.fr")
    time.seconds += RETRY_SECONDS + 1
    assert watch.next_batch() is None


def test_email_that_was_under_way_as_an_outage_began_is_not_its_end(watch, time):
    began = time.seconds
    time.seconds += 0.1
    note_all(watch, LATER, *["orange.fr"] * 3)
    assert watch.note("orange.fr", SENT, began) is None
    assert watch.note("orange.fr", SENT, time.seconds) == ("451 4.3.0", frozenset({"orange.fr"}), FIRST_BATCH)


def test_threads_that_still_waited_do_not_end_a_recovery(watch, time):
    note_all(watch, LATER, *["orange.fr"] * 12)
    assert watch.note("orange.fr", SENT)
    note_all(watch, LATER, *["orange.fr"] * 4)
    time.seconds += 1
    assert watch.note("orange.fr", SENT)


def count(state):
    db.session.expire_all()
    return db.session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == state))


def test_people_whose_email_was_put_off_get_it_with_the_first_that_is_accepted(server, app):
    petition, n = make_petition(), 30
    for number in range(n):
        make_signature(petition, email=f"s{number}@d{number % 3}.example")
    server.on_rcpt = lambda address: "451 4.3.0 try again later"
    run_queue("confirmations")
    assert count("deferred") == n
    server.on_rcpt = lambda address: None
    run_queue("confirmations")
    assert server.addresses == [], "their backoff lasts"
    make_signature(petition, email="new@d0.example")
    run_queue("confirmations")
    assert len(server.addresses) == n + 1
    assert count("sent") == n + 1
    attempts = set(db.session.scalars(select(Delivery.attempt)))
    assert attempts == {1}, "the attempt that the outage cost is given back"


def test_people_whose_connection_was_lost_get_it_too(server, app):
    petition = make_petition()
    for number in range(4):
        make_signature(petition, email=f"s{number}@d0.example")
    server.on_rcpt = lambda address: "hang up"
    run_queue("confirmations")
    server.on_rcpt = lambda address: None
    make_signature(petition, email="new@d0.example")
    run_queue("confirmations")
    assert len(server.addresses) == 5


def test_full_mailboxes_wait_on(server, app):
    petition = make_petition()
    for number in range(5):
        make_signature(petition, email=f"full{number}@d0.example")
    server.on_rcpt = lambda address: "452 4.2.2 full" if address.startswith("full") else None
    run_queue("confirmations")
    make_signature(petition, email="new@d0.example")
    run_queue("confirmations")
    assert server.addresses == ["new@d0.example"]
    assert count("deferred") == 5


def test_probe_that_succeeds_ends_the_wait_and_keeps_the_count(app):
    back_off_server("connection refused")
    db.session.execute(update(Pause).values(until=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 50), strikes=7))
    db.session.commit()
    assert end_server_backoff()
    db.session.commit()
    pause = db.session.scalars(select(Pause)).one()
    assert pause.strikes == 7
    assert db.session.scalar(select(Pause.until <= func.now()))
    assert not end_server_backoff()
