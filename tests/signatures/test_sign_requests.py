import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import Mock

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from support.factories import make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.pauses import pause, resume
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.signatures import sign_requests
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import withdraw
from petition.signatures.request_models import SignRequest
from petition.signatures.staff.invalidate import invalidate

STATES = ("new", "pending", "just mailed", "confirmed", "withdrawn", "disowned", "invalidated")


@pytest.fixture
def unprocessed(client):
    """Return a client whose requests wait for a worker."""
    client.processes_requests = False
    return client


def post(client, n=0, **fields):
    headers = {"X-Forwarded-For": f"203.0.{n}.1"}
    assert client.post("/p/jardin/sign", data=make_form(**fields), headers=headers).status_code == 303


def names():
    return [row.name for row in db.session.query(Signature).order_by(Signature.id)]


def make_signatures_in_each_state(petition):
    ends = {"withdrawn": withdraw, "disowned": disown, "invalidated": invalidate}
    for state in STATES[1:]:
        signature = make_signature(petition, email=f"{state.replace(' ', '.')}@example.org")
        if state in ("confirmed", "withdrawn"):
            confirm_signature(signature)
        if state in ends:
            ends[state](signature)
        if state != "just mailed":
            db.session.query(Delivery).filter_by(subject_id=signature.id).update(
                {"state": "sent", "created_at": Delivery.created_at - timedelta(minutes=5)}
            )
        db.session.commit()


@pytest.mark.parametrize("way", ["form", "json"])
def test_request_runs_the_same_statements_for_every_state(request, unprocessed, way):
    make_signatures_in_each_state(make_petition())
    statements, seen = [], {}
    recorder = db.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    event.listen(*recorder)
    request.addfinalizer(lambda: event.remove(*recorder))

    def ask(state, n):
        headers = {"X-Forwarded-For": f"203.1.{n}.1"}
        form = make_form(email=f"{state.replace(' ', '.')}@example.org", updates="on")
        if way == "form":
            return unprocessed.post("/p/jardin/sign", data=form, headers=headers)
        return unprocessed.post("/api/v1/petitions/jardin/signatures", json=form | {"updates": True}, headers=headers)

    ask("warm", 99)
    for n, state in enumerate(STATES):
        statements.clear()
        assert ask(state, n).status_code in (303, 202)
        seen[state] = list(statements)
    assert seen == dict.fromkeys(STATES, seen["new"])
    assert not [statement for statement in seen["new"] if "signatures" in statement.replace("sign_requests", "")]
    assert db.session.query(SignRequest).count() == len(STATES) + 1


def test_worker_makes_the_signature_and_sends_its_email(unprocessed, sent_emails):
    make_petition()
    post(unprocessed)
    assert (names(), db.session.query(SignRequest).count()) == ([], 1)
    run_queue("confirmations")
    assert (names(), db.session.query(SignRequest).count()) == (["Zoé Martin"], 0)
    assert [email.to for email in sent_emails] == ["zoe@example.org"]


def test_a_paused_queue_processes_requests_and_sends_nothing(unprocessed, sent_emails):
    make_petition()
    pause("confirmations", "a test")
    db.session.commit()
    post(unprocessed)
    run_queue("confirmations")
    assert (names(), sent_emails) == (["Zoé Martin"], [])
    resume("confirmations")
    db.session.commit()
    run_queue("confirmations")
    assert len(sent_emails) == 1


def test_times_and_request_id_are_those_of_the_request(unprocessed):
    make_petition()
    post(unprocessed)
    asked = db.session.query(SignRequest).one()
    asked.requested_at -= timedelta(minutes=10)
    requested_at, request_id = asked.requested_at, asked.request_id
    db.session.commit()
    process_requests()
    signature, delivery = db.session.query(Signature).one(), db.session.query(Delivery).one()
    assert (signature.requested_at, signature.created_at) == (requested_at, requested_at)
    assert (delivery.created_at, delivery.next_attempt_at, delivery.request_id) == (
        requested_at, requested_at, request_id,
    )  # fmt: skip
    assert request_id


def test_requests_of_one_batch_keep_their_order(unprocessed):
    make_petition()
    for n, name in enumerate(("Zoé Un", "Zoé Deux", "Zoé Trois")):
        post(unprocessed, n, name=name)
        post(unprocessed, n, email=f"s{n}@example.org", name=f"Signer {name}")
    process_requests()
    assert sorted(names()) == ["Signer Zoé Deux", "Signer Zoé Trois", "Signer Zoé Un", "Zoé Trois"]
    assert db.session.query(Delivery).count() == 4, "one link waits already for the address that asked three times"


def test_a_petition_that_closes_between_answer_and_processing_gets_its_signature(unprocessed):
    petition = make_petition()
    post(unprocessed)
    lifecycle.close(petition)
    db.session.commit()
    process_requests()
    assert names() == ["Zoé Martin"]


def test_a_request_that_cannot_be_processed_blocks_no_other_and_is_not_lost(unprocessed, caplog):
    make_petition()
    for n in range(3):
        post(unprocessed, n, email=f"s{n}@example.org", name=f"Signer {'ABC'[n]}")
    bad = db.session.query(SignRequest).order_by(SignRequest.id).offset(1).first()
    bad.party = "robot"  # which the table of signatures refuses
    db.session.commit()
    with caplog.at_level(logging.WARNING):
        process_requests()
    assert names() == ["Signer A", "Signer C"]
    assert db.session.query(Delivery).count() == 2
    db.session.expire_all()
    left = db.session.query(SignRequest).one()
    wait = db.session.scalar(text("SELECT retry_at - now() FROM sign_requests"))
    assert timedelta(seconds=50) < wait <= timedelta(minutes=1)
    assert "Signer B" not in caplog.text
    assert "s1@" not in caplog.text
    left.party, left.retry_at = "person", left.retry_at - timedelta(minutes=2)
    db.session.commit()
    process_requests()
    assert names() == ["Signer A", "Signer C", "Signer B"]


def test_an_outage_of_the_database_puts_off_no_request(unprocessed, monkeypatch):
    make_petition()
    post(unprocessed)
    refused = OperationalError("SELECT", {}, psycopg.OperationalError("connection refused"))
    with monkeypatch.context() as patch:
        patch.setattr(sign_requests, "_process_batch", Mock(side_effect=refused))
        with pytest.raises(OperationalError):
            process_requests()
    db.session.rollback()
    process_requests()
    assert names() == ["Zoé Martin"]


def test_a_signature_that_is_locked_delays_no_other(unprocessed, app, monkeypatch):
    monkeypatch.setattr(sign_requests, "LOCK_TIMEOUT_MILLISECONDS", 100)
    signature = make_signature(make_petition())
    post(unprocessed, name="Zoé Durand")
    post(unprocessed, 1, email="ana@example.org", name="Ana Diaz")
    db.session.query(Signature).filter_by(id=signature.id).with_for_update().one()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: in_context(app, process_requests)).result()
    db.session.rollback()
    assert names() == ["Zoé Martin", "Ana Diaz"]
    assert db.session.query(SignRequest).filter(SignRequest.retry_at.is_not(None)).count() == 1


def in_context(app, function):
    with app.app_context():
        return function()


def test_many_workers_process_each_request_once(unprocessed, app):
    make_petition()
    for n in range(60):
        post(unprocessed, n, email=f"s{n % 30}@example.org")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: in_context(app, process_requests), range(4)))
    assert db.session.query(SignRequest).count() == 0
    assert len(names()) == db.session.query(Delivery).count() == 30


def test_a_wake_up_that_was_lost_is_made_up_for_by_the_sweep(unprocessed, sent_emails, monkeypatch):
    monkeypatch.setattr("petition.signatures.sign.wake_soon", lambda queue: None)
    make_petition()
    post(unprocessed)
    run_queue("confirmations")  # which beat asks for every few seconds, whether rows are due or not
    assert len(sent_emails) == 1
