from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import Mock

import psycopg
import pytest
from sqlalchemy import func
from sqlalchemy.exc import TimeoutError as PoolTimeout
from support.factories import make_mailing

from petition.core import clock
from petition.core.db import db
from petition.delivery import batch, pauses
from petition.delivery.claims import claim_due, release
from petition.delivery.composers import return_path
from petition.delivery.models import Attempt, Delivery, Pause
from petition.delivery.pacing.actions import resume
from petition.delivery.pacing.models import MailProvider
from petition.delivery.queues import CONFIRMATIONS, EMAIL_QUEUES, MAILINGS
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.requeue import requeue
from petition.delivery.results import ClaimContext, DeliveryResult, get_backoff, record_results
from petition.delivery.smtp import connection
from petition.delivery.smtp.responses import classify_acceptance
from petition.delivery.suppressions.suppression_list import find_suppressed, hash_address, suppress
from petition.delivery.worker import run_queue
from petition.operations.health.evaluation import evaluate_health
from petition.operations.metrics import render_metrics
from petition.operations.statistics.broker_stats import BrokerStats
from petition.operations.statistics.snapshot import read_facts
from petition.petitions.models import Petition
from petition.signatures.models import Signature

MANY = [f"s{n}@example.org" for n in range(130)]


def make_everything_due():
    db.session.query(Delivery).update({"next_attempt_at": clock.now() - timedelta(seconds=1)})
    db.session.query(Pause).filter_by(scope="server").update({"until": clock.now() - timedelta(seconds=1)})
    db.session.commit()


def test_everyone_is_mailed_once_over_one_connection(server, enqueue_confirmations, rows):
    enqueue_confirmations(*MANY)
    assert run_queue("confirmations") == 130
    assert sorted(server.addresses) == sorted(MANY)
    assert {row.state for row in rows()} == {"sent"}
    assert server.connections <= 2
    assert run_queue("confirmations") == 0


def test_many_workers_at_once_mail_everyone_once(app, server, enqueue_confirmations, rows):
    enqueue_confirmations(*MANY)

    def work(_):
        with app.app_context(), connection.close_on_exit():
            return run_queue("confirmations")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert sorted(server.addresses) == sorted(MANY)


def test_envelope_and_message_id_are_derived_from_the_delivery(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    run_queue("confirmations")
    (_, message), (row,) = server.accepted[0], rows()
    assert message["Message-ID"].startswith(f"<d{row.id}.")
    assert return_path(row.id) == return_path(row.id).lower()
    assert return_path(row.id) != return_path(row.id + 1)


@pytest.mark.parametrize(
    ("answer", "state", "gone"),
    [
        ("550 5.1.1 <s0@example.org> no such user", "failed", True),
        ("550 5.7.1 refused by policy", "deferred", False),
        ("552 5.2.2 mailbox full", "failed", False),
        ("451 4.7.1 greylisted", "deferred", False),
        ("452 4.2.2 over quota", "deferred", False),
        ("550 5.2.2 what\0no database\x1bcan store", "failed", False),
    ],
)
@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_response_concerns_its_row_alone(server, enqueue_confirmations, rows, stage, answer, state, gone):
    enqueue_confirmations("s0@example.org", "s1@example.org")
    setattr(server, stage, lambda address: answer if address.startswith("s0") else None)
    began = clock.now()
    run_queue("confirmations")
    refused, accepted = rows()
    assert (refused.state, refused.smtp_code, refused.attempt) == (state, int(answer[:3]), 1)
    assert "s0@" not in refused.reason
    assert accepted.state == "sent"
    assert bool(find_suppressed(["s0@example.org"])) is gone
    if state == "deferred":
        assert began < refused.next_attempt_at <= clock.now() + timedelta(seconds=30)
        setattr(server, stage, lambda address: None)
        make_everything_due()
        run_queue("confirmations")
        assert rows()[0].state == "sent"


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "454 4.7.0 too busy"])
@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_server_that_refuses_two_providers_is_backed_off_from(server, enqueue_confirmations, rows, stage, answer):
    enqueue_confirmations(*[f"zoe@example{n}.org" for n in range(5)])
    setattr(server, stage, lambda address: answer)
    began = clock.now()
    run_queue("confirmations")
    assert [row.attempt for row in rows()] == [1, 1, 0, 0, 0]
    assert [row.state for row in rows()] == ["deferred", "deferred", "due", "due", "due"]
    assert all(row.next_attempt_at > began + timedelta(seconds=10) for row in rows()[:2])
    db.session.query(Pause).update({"until": Pause.until + timedelta(minutes=5)})  # a busy machine may need its second
    db.session.commit()
    assert [pause.scope for pause in pauses.list_pauses()] == ["server"]
    assert run_queue("confirmations") == 0, "nothing is tried during the back-off"
    setattr(server, stage, lambda address: None)
    make_everything_due()
    run_queue("confirmations")
    assert {row.state for row in rows()} == {"sent"}
    assert pauses.list_pauses() == []


@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
@pytest.mark.parametrize("domains", [["yahoo.fr"] * 6, ["yahoo.fr", "yahoo.com", "ymail.com"] * 2])
def test_trouble_of_one_provider_delays_no_other(server, enqueue_confirmations, rows, stage, domains):
    troubled = [f"t{n}@{domain}" for n, domain in enumerate(domains)]
    enqueue_confirmations(*troubled, *MANY[:5])
    answer = "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints"
    setattr(server, stage, lambda address: answer if address in troubled else None)
    began = clock.now()
    run_queue("confirmations")
    assert sorted(server.addresses) == MANY[:5]
    assert pauses.list_pauses() == []
    for row in rows()[:6]:
        assert row.state == "deferred"
        assert row.next_attempt_at > began + timedelta(seconds=10), "no row is due at once"
    assert [row.attempt for row in rows()[:6]] == [1, 0, 0, 0, 0, 0], "the others wait without an attempt"
    setattr(server, stage, lambda address: None)
    resume("yahoodns.net")
    make_everything_due()
    run_queue("confirmations")
    assert {row.state for row in rows()} == {"sent"}


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        ("550 5.7.1 Service unavailable, client host blocked using Spamhaus", [1, 0, 0, 0]),
        ("421 4.7.28 unusual rate of mail originating from your IP address", [1, 0, 0, 0]),
        ("550 5.7.1 not by our policy", [1, 1, 0, 0]),
        ("550 5.2.1 The user is receiving mail at a rate that prevents additional messages", [1, 1, 1, 1]),
        ("451 4.7.1 Greylisted", [1, 1, 1, 1]),
    ],
)
def test_provider_that_refuses_us_is_not_asked_for_each_email(server, enqueue_confirmations, rows, answer, attempts):
    enqueue_confirmations(*[f"t{n}@gmail.com" for n in range(4)], "zoe@example.org")
    server.on_rcpt = lambda address: answer if address.endswith("gmail.com") else None
    run_queue("confirmations")
    assert [(row.state, row.attempt) for row in rows()] == [*(("deferred", n) for n in attempts), ("sent", 1)]
    assert not find_suppressed([f"t{n}@gmail.com" for n in range(4)])


def test_row_that_is_always_refused_fails_in_the_end(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    server.on_data = lambda address: "421 4.7.0 later"
    for _ in range(CONFIRMATIONS.max_attempts):
        make_everything_due()
        run_queue("confirmations")
    assert [row.state for row in rows()] == ["failed"]


@pytest.mark.parametrize("reply", [None, "550 5.1.1 no such user", "451 4.7.1 greylisted"])
def test_any_reply_to_an_email_ends_the_back_off(server, enqueue_confirmations, reply):
    enqueue_confirmations("zoe@example.org", "ann@example.net")
    server.on_rcpt = lambda address: "421 4.3.2 closing"
    run_queue("confirmations")
    assert db.session.query(Pause).one().strikes == 1
    server.on_rcpt = lambda address: reply
    make_everything_due()
    run_queue("confirmations")
    assert db.session.query(Pause).all() == []


@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_server_that_refuses_all_is_backed_off_from_alone_however_often(server, enqueue_confirmations, rows, stage):
    people = [f"s{n}@{domain}" for n in range(8) for domain in ("example.org", "example.net", "example.com")]
    enqueue_confirmations(*people)
    setattr(server, stage, lambda address: "421 4.3.2 closing")
    # After the wait the first rejection is the server's again, whosever email it is.
    for strikes in (1, 2, 3, 4):
        run_queue("confirmations")
        assert db.session.query(Pause).one().strikes == strikes
        make_everything_due()
    assert {(row.state, row.suspicions) for row in db.session.query(MailProvider)} == {("flowing", 0)}
    setattr(server, stage, lambda address: None)
    run_queue("confirmations")
    assert sorted(server.addresses) == sorted(people), "all leave with the first that is accepted"
    assert pauses.list_pauses() == []


def test_provider_that_was_blamed_first_waits_no_longer_than_the_others(server, enqueue_confirmations, rows):
    people = [f"s{n}@example.org" for n in range(6)]
    enqueue_confirmations(*people)
    server.on_rcpt = lambda address: "421 4.3.2 closing"
    run_queue("confirmations")
    assert [row.parked_for for row in rows()] == [None, None, *["example.org"] * 4], "its own trouble, as it seems"
    enqueue_confirmations("ann@example.net")
    run_queue("confirmations")
    found = db.session.get(MailProvider, "example.org", populate_existing=True)
    assert (found.state, found.suspicions, found.backoff_until) == ("flowing", 0, None)
    server.on_rcpt = lambda address: None
    db.session.query(Pause).update({"until": clock.now() - timedelta(seconds=1)})
    enqueue_confirmations("bob@example.net")
    run_queue("confirmations")
    assert sorted(server.addresses) == sorted([*people, "ann@example.net", "bob@example.net"])


def test_email_that_was_taken_between_clears_the_suspicion(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org", "ann@example.net", "bob@example.com")
    server.on_rcpt = lambda address: None if address.endswith(".net") else "421 4.7.0 later"
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["deferred", "sent", "deferred"]
    assert pauses.list_pauses() == []


def test_rejection_of_long_ago_is_no_evidence(server, enqueue_confirmations):
    enqueue_confirmations("zoe@example.org")
    server.on_rcpt = lambda address: "421 4.7.0 later"
    run_queue("confirmations")
    db.session.query(Pause).update({"until": clock.now() - timedelta(minutes=11)})
    enqueue_confirmations("ann@example.net")
    run_queue("confirmations")
    assert pauses.list_pauses() == []


def test_sender_refused_on_a_used_connection_is_tried_on_a_new_one(server, enqueue_confirmations, rows, monkeypatch):
    monkeypatch.setattr(server, "max_emails_per_connection", 2)
    enqueue_confirmations(*MANY[:5])
    run_queue("confirmations")
    assert [(row.state, row.attempt) for row in rows()] == [("sent", 1)] * 5


def test_claim_is_sent_in_the_order_in_which_rows_are_due(server, enqueue_confirmations, rows):
    enqueue_confirmations(*MANY[:9])
    now = clock.now()
    for row in rows():
        row.next_attempt_at = now - timedelta(seconds=row.id)
    db.session.commit()
    _, claims = claim_due(CONFIRMATIONS, "a worker")
    assert [claim.id for claim in claims] == sorted((row.id for row in rows()), reverse=True)


def test_back_off_grows_while_the_server_is_down(app, enqueue_confirmations, rows, monkeypatch):
    monkeypatch.setattr(app.extensions["mail"], "port", 1)
    enqueue_confirmations("zoe@example.org")
    waits = []
    for _ in range(4):
        run_queue("confirmations")
        pause = db.session.query(Pause).one()
        db.session.refresh(pause)
        waits.append((pause.until - clock.now()).total_seconds())
        make_everything_due()
    assert waits == sorted(waits)
    assert waits[0] < 1.5 < waits[-1] <= 60
    assert [(row.state, row.attempt) for row in rows()] == [("deferred", 0)]


def test_lost_connection_defers_the_email(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    server.on_data = lambda address: "hang up"
    run_queue("confirmations")
    (row,) = rows()
    assert (row.state, row.attempt) == ("deferred", 1)
    server.on_data = lambda address: None
    make_everything_due()
    run_queue("confirmations")
    assert server.addresses == ["zoe@example.org"]


def test_delivery_fails_after_its_last_attempt(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    server.on_rcpt = lambda address: "451 4.7.1 later"
    for _ in range(CONFIRMATIONS.max_attempts):
        make_everything_due()
        run_queue("confirmations")
    (row,) = rows()
    assert row.state == "failed"
    assert row.reason.startswith(f"gave up after {CONFIRMATIONS.max_attempts} attempts")


def test_backoff_grows_to_its_cap():
    for attempt in (1, 5, 9, 15, 100):
        waits = [get_backoff(attempt).total_seconds() for _ in range(300)]
        bound = min(30 * 2 ** (attempt - 1), 4 * 3600)
        assert bound / 2 <= min(waits) < bound * 0.6, "none at once: retries that follow at once meet the same trouble"
        assert bound * 0.9 < max(waits) <= bound


def test_rows_of_a_dead_worker_are_sent_by_another(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    claim_due(CONFIRMATIONS, "a worker that dies")
    db.session.commit()
    assert run_queue("confirmations") == 0
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    assert run_queue("confirmations") == 1
    assert server.addresses == ["zoe@example.org"]


def test_begun_mailing_of_a_dead_worker_becomes_unknown(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    mailing = make_mailing(db.session.query(Petition).one(), state="sending")
    db.session.query(Delivery).update({"queue": "mailings", "mailing_id": mailing.id})
    db.session.commit()
    token, claims = claim_due(MAILINGS, "a worker that dies")
    assert record_results(MAILINGS, token, [], ClaimContext("dies"), {claims[0].id: "of zoe"}) == (
        0,
        {claims[0].id},
    )
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    run_queue("mailings")
    assert [(row.state, row.address_hash) for row in rows()] == [("unknown", "of zoe")], "which a late bounce needs"
    assert server.addresses == []


def test_outcome_is_not_recorded_without_the_claim_token(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    stale, (item,) = claim_due(CONFIRMATIONS, "slow")
    db.session.query(Delivery).update({"state": "due", "claim_token": None})
    db.session.commit()
    claim_due(CONFIRMATIONS, "quick")
    assert (
        record_results(
            CONFIRMATIONS,
            stale,
            [DeliveryResult(item, classify_acceptance(b"OK"), None, clock.now())],
            ClaimContext("slow"),
        )[0]
        == 0
    )
    assert rows()[0].state == "sending"


@pytest.mark.parametrize("scope", ["confirmations", "all"])
def test_paused_queue_sends_nothing_until_resumed(server, enqueue_confirmations, rows, scope):
    enqueue_confirmations("zoe@example.org")
    pauses.pause(scope, "a test")
    db.session.commit()
    assert run_queue("confirmations") == 0
    pauses.resume(scope)
    db.session.commit()
    assert run_queue("confirmations") == 1


def test_suppressed_address_is_not_mailed(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org", "ann@example.org")
    suppress("Zoe@Example.org", "asked")
    db.session.commit()
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["suppressed", "sent"]
    assert server.addresses == ["ann@example.org"]


def test_failed_composition_does_not_block_the_batch(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org", "ann@example.org")
    db.session.query(Delivery).filter_by(id=1).update({"kind": "no such kind"})
    db.session.commit()
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["deferred", "sent"]


def test_email_that_cannot_be_composed_waits_and_leaves_once_the_cause_is_mended(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    db.session.query(Delivery).update({"kind": "no such kind"})
    for _ in range(CONFIRMATIONS.max_attempts + 2):
        db.session.query(Delivery).update({"next_attempt_at": func.now()})
        db.session.commit()
        run_queue("confirmations")
    (row,) = rows()
    assert (row.state, row.cause, row.attempt) == ("deferred", "not composed", 0)
    assert 290 < (row.next_attempt_at - row.tried_at).total_seconds() <= 300
    reasons = {reason.runbook: reason for reason in evaluate_health(read_facts(), BrokerStats()).reasons}
    assert "EmailNotComposed" in reasons
    assert not {"MailServerFailing", "EmailDeferralRateHigh"} & set(reasons), "the mail server was not even asked"
    assert b"petition_emails_not_composed 1.0" in render_metrics()
    db.session.query(Delivery).update({"kind": "confirm_signature", "next_attempt_at": func.now()})
    db.session.commit()
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["sent"]
    assert b"petition_emails_not_composed 0.0" in render_metrics()


@pytest.mark.parametrize("outage", [psycopg.OperationalError("connection refused"), PoolTimeout()])
def test_email_that_an_outage_keeps_from_being_composed_is_not_put_off(
    outage, enqueue_confirmations, rows, monkeypatch
):
    enqueue_confirmations("zoe@example.org")
    monkeypatch.setattr(batch, "compose", Mock(side_effect=outage))
    with pytest.raises(type(outage)):
        run_queue("confirmations")
    assert [row.state for row in rows()] == ["sending"], "due again when the claim ends"


def test_claims_are_released_when_the_worker_stops(server, enqueue_confirmations, rows):
    enqueue_confirmations(*MANY[:30])
    answers = iter([True] * 6 + [False] * 100)
    run_queue("confirmations", may_continue=lambda: next(answers))
    states = [row.state for row in rows()]
    assert set(states) == {"sent", "due"}
    assert {row.attempt for row in rows() if row.state == "due"} == {0}


def test_addresses_in_any_script_are_mailed(server, enqueue_confirmations):
    enqueue_confirmations("zoé@example.org", "ann@bücher.example")
    run_queue("confirmations")
    assert sorted(server.addresses) == ["ann@xn--bcher-kva.example", "zoé@example.org"]


def test_queues_are_keyed_by_name():
    assert all(name == queue.name for name, queue in EMAIL_QUEUES.items())


def test_failed_serialisation_does_not_block_the_batch(server, enqueue_confirmations, rows, monkeypatch):
    enqueue_confirmations("zoe@example.org", "ann@example.org")
    as_bytes = OutgoingMessage.as_bytes

    def fail_for_one(message):
        if message.to.startswith("zoe"):
            raise ValueError("cannot be serialised")
        return as_bytes(message)

    monkeypatch.setattr(OutgoingMessage, "as_bytes", fail_for_one)
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["failed", "sent"]


def test_unbegun_mailing_of_a_dead_worker_is_sent_by_another(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    mailing = make_mailing(db.session.query(Petition).one(), state="sending")
    db.session.query(Delivery).update({"queue": "mailings", "mailing_id": mailing.id})
    claim_due(MAILINGS, "a worker that dies")
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    run_queue("mailings")
    assert server.addresses == ["zoe@example.org"]


def test_refused_email_does_not_affect_the_next(server, enqueue_confirmations, rows):
    server.on_data = lambda address: "552 5.2.2 full" if address.startswith("s1@") else None
    enqueue_confirmations(*MANY[:5])
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["sent", "failed", "sent", "sent", "sent"]
    assert server.addresses == [address for address in MANY[:5] if address != "s1@example.org"]
    assert server.connections <= 2, "the connection is used further"


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "hang up"])
def test_no_pipelined_envelope_survives_an_aborted_batch(server, enqueue_confirmations, rows, answer):
    server.on_data = lambda address: answer if address.startswith("s1@") else None
    enqueue_confirmations(*MANY[:5])
    run_queue("confirmations")
    server.on_data = lambda address: None
    make_everything_due()
    run_queue("confirmations")
    assert {row.state for row in rows()} == {"sent"}
    assert sorted(server.addresses) == sorted(MANY[:5])
    assert all(len(message.get_body(("plain",)).get_content()) > 100 for _, message in server.accepted)


def test_failed_serialisation_does_not_corrupt_the_pipeline(server, enqueue_confirmations, rows, monkeypatch):
    as_bytes = OutgoingMessage.as_bytes

    def fail_for_one(message):
        if message.to == "s1@example.org":
            raise ValueError("cannot be serialised")
        return as_bytes(message)

    monkeypatch.setattr(OutgoingMessage, "as_bytes", fail_for_one)
    enqueue_confirmations(*MANY[:5])
    run_queue("confirmations")
    assert [row.state for row in rows()] == ["sent", "failed", "sent", "sent", "sent"]
    assert len(server.addresses) == 4


def test_stopping_worker_disconnects_after_pipelining_an_envelope(server, enqueue_confirmations, rows):
    enqueue_confirmations(*MANY[:5])
    answers = iter([True, True, True, False, False])
    assert run_queue("confirmations", may_continue=lambda: next(answers)) == 2
    assert all(each.host is None or each.host.pipelined_envelope is None for each in connection._thread.connections)
    assert run_queue("confirmations") == 3
    assert sorted(server.addresses) == sorted(MANY[:5])


def test_row_that_used_up_its_attempts_fails_when_its_worker_dies(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    db.session.query(Delivery).update({"attempt": CONFIRMATIONS.max_attempts - 1})
    db.session.commit()
    claim_due(CONFIRMATIONS, "a worker that dies")
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    run_queue("confirmations")
    (row,) = rows()
    assert (row.state, row.reason) == ("failed", "the worker died while sending")
    assert row.settled_at is not None
    attempt = db.session.query(Attempt).one()
    assert (attempt.state, attempt.worker, attempt.response) == ("failed", "a worker that dies", row.reason)


def test_released_row_that_was_deferred_is_deferred_again(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org", "ann@example.org")
    db.session.query(Delivery).filter_by(id=1).update({"cause": "451 4.7.1"})
    db.session.commit()
    token, claims = claim_due(CONFIRMATIONS, "a worker")
    release(token, claims)
    db.session.commit()
    assert [(row.state, row.attempt, row.claim_token) for row in rows()] == [("deferred", 0, None), ("due", 0, None)]


def test_delivery_keeps_the_hash_of_the_address_it_went_to(server, enqueue_confirmations, rows):
    enqueue_confirmations("Zoe@Example.org", "ann@bücher.example")
    run_queue("confirmations")
    assert [row.address_hash for row in rows()] == [
        hash_address(address)[0] for address in ("zoe@example.org", "ann@xn--bcher-kva.example")
    ]


def test_delivery_that_was_offered_for_one_address_goes_to_no_other(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    server.on_rcpt = lambda address: "451 4.2.1 later"
    run_queue("confirmations")
    signature = db.session.query(Signature).one()
    signature.email = signature.email_canonical = "ann@example.org"
    make_everything_due()
    server.on_rcpt = lambda address: None
    run_queue("confirmations")
    (row,) = rows()
    assert (row.state, row.reason) == ("cancelled", "the address was changed since")
    assert row.address_hash == hash_address("zoe@example.org")[0]


def test_email_that_was_rejected_goes_to_the_corrected_address_once_it_is_requeued(server, enqueue_confirmations, rows):
    enqueue_confirmations("zoe@example.org")
    server.on_rcpt = lambda address: "552 5.2.2 full"
    run_queue("confirmations")
    signature = db.session.query(Signature).one()
    signature.email = signature.email_canonical = "ann@example.org"
    requeue(Delivery.state == "failed")
    db.session.commit()
    server.on_rcpt = lambda address: None
    run_queue("confirmations")
    assert server.addresses == ["ann@example.org"]
    assert rows()[0].address_hash == hash_address("ann@example.org")[0]
