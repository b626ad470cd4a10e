"""Messages: signed, without personal data, in order, again after failures; receivers that misbehave."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from support.factories import make_petition, make_signature
from support.waiting import wait_for
from support.webhook_receiver import WebhookReceiver

from petition.core import clock
from petition.core.db import db
from petition.integrations.models import EventState, EventType, WebhookEndpoint, WebhookEvent
from petition.integrations.webhooks import endpoints, failures, http_post, sender
from petition.integrations.webhooks.events import Occurrence, write
from petition.signatures.personal import self_service


@pytest.fixture
def confirmed(app):
    petition = make_petition(passes_on_to="Les voisins solidaires")
    return make_signature(petition, state="confirmed", name="Zoé Martin", email="zoe@example.org")


def happen(signature, *types):
    write([Occurrence(kind, signature.petition_id, clock.now(), signature.id) for kind in types])
    db.session.commit()


def send_now():
    """Send, as if every wait were over."""
    db.session.execute(text("UPDATE webhook_events SET next_attempt_at = now() - interval '1 second'"))
    db.session.execute(text("UPDATE webhook_endpoints SET backoff_until = NULL, leased_until = NULL"))
    db.session.commit()
    sender.send_due()
    db.session.expire_all()


def get_events():
    db.session.expire_all()
    return list(db.session.query(WebhookEvent).order_by(WebhookEvent.id))


def test_a_message_is_signed_and_names_nobody(receiver, make_endpoint, confirmed):
    endpoint = make_endpoint()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    [(headers, body, path)] = receiver.messages
    message = Webhook(endpoint.secret).verify(body, headers)
    assert path == "/hook"
    assert message["type"] == "signature.confirmed"
    assert message["data"]["petition"] == "jardin"
    assert set(message["data"]) == {"petition", "signature"}
    assert "Zoé" not in body.decode()
    assert message["data"]["signature"] != str(confirmed.id)
    [event] = get_events()
    assert (event.state, event.attempts, event.answer) == (EventState.DELIVERED, 1, "200")
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.make_secret()).verify(body, headers)


def test_what_the_signer_agreed_to_pass_on_is_read_when_it_is_sent(receiver, make_endpoint, confirmed):
    make_endpoint()
    self_service.set_passed_on(confirmed, True)
    db.session.commit()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED, EventType.SIGNATURE_WITHDRAWN)
    assert "zoe@" not in json.dumps([event.data for event in get_events()])
    sender.send_due()
    first, second = (json.loads(body)["data"] for _, body, _ in receiver.messages)
    assert (first["signer"]["name"], first["signer"]["email"]) == ("Zoé Martin", "zoe@example.org")
    assert "signer" not in second
    confirmed.restricted_at = clock.now()
    db.session.commit()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    assert "signer" not in json.loads(receiver.messages[-1][1])["data"]


def test_two_endpoints_know_a_signature_by_different_ids_each_by_one(receiver, make_endpoint, confirmed):
    make_endpoint()
    make_endpoint()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED, EventType.UPDATES_OPTED_IN)
    sender.send_due()
    ids = [json.loads(body)["data"]["signature"] for _, body, _ in receiver.messages]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_a_failure_is_tried_again_in_order_per_signature_and_keeps_no_other_waiting(receiver, make_endpoint, confirmed):
    make_endpoint()
    other = make_signature(confirmed.petition, state="confirmed", email="lea@example.org")
    receiver.behave = lambda n: 500 if n == 1 else 200
    happen(confirmed, EventType.SIGNATURE_CONFIRMED, EventType.SIGNATURE_WITHDRAWN)
    happen(other, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    assert [event.state for event in get_events()] == [EventState.DUE, EventState.DUE, EventState.DELIVERED]
    send_now()
    types = [json.loads(body)["type"] for _, body, _ in receiver.messages]
    assert types == ["signature.confirmed", "signature.confirmed", "signature.confirmed", "signature.withdrawn"]
    ids = [headers["webhook-id"] for headers, _, _ in receiver.messages]
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3
    assert {event.state for event in get_events()} == {EventState.DELIVERED}


def test_what_fails_for_long_is_given_up_and_replayed_by_hand(receiver, make_endpoint, confirmed):
    make_endpoint()
    receiver.behave = 400
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    for _ in range(sender.MAX_ATTEMPTS + 2):
        send_now()
    [event] = get_events()
    assert (event.state, event.attempts, event.answer) == (EventState.FAILED, sender.MAX_ATTEMPTS, "400")
    assert len(receiver.messages) == sender.MAX_ATTEMPTS
    receiver.behave = 200
    assert failures.count_failed() == failures.replay(event.id) == 1
    db.session.commit()
    sender.send_due()
    assert get_events()[0].state == EventState.DELIVERED
    assert {headers["webhook-id"] for headers, _, _ in receiver.messages} == {receiver.messages[0][0]["webhook-id"]}


@pytest.mark.parametrize(("behave", "answer"), [("close", "broken"), ("hang", "timeout"), ("drip", "timeout")])
def test_a_receiver_that_does_not_answer_is_left_alone_for_a_while(
    receiver, make_endpoint, confirmed, monkeypatch, behave, answer
):
    endpoint = make_endpoint()
    receiver.behave = behave
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    happen(make_signature(confirmed.petition, email="lea@example.org"), EventType.SIGNATURE_CONFIRMED)
    with monkeypatch.context() as patch:
        if answer == "timeout":
            patch.setattr(http_post, "TOTAL_TIMEOUT_SECONDS", 1.0)
        sender.send_due()
        sender.send_due()
    wait_for(lambda: receiver.messages, what="the request at its receiver")
    assert len(receiver.messages) == 1
    assert [event.answer for event in get_events()] == [answer, None]
    endpoint = db.session.get(WebhookEndpoint, endpoint.id, populate_existing=True)
    assert endpoint.failures == 1
    assert endpoint.backoff_until > clock.now()
    receiver.behave = 200
    send_now()
    assert {event.state for event in get_events()} == {EventState.DELIVERED}
    assert db.session.get(WebhookEndpoint, endpoint.id, populate_existing=True).failures == 0


def test_nobody_listens(receiver, make_endpoint, confirmed):
    endpoint = make_endpoint()
    receiver.stop()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    assert get_events()[0].answer == "refused"
    assert db.session.get(WebhookEndpoint, endpoint.id, populate_existing=True).failures == 1


def test_a_huge_answer_is_not_read(receiver, make_endpoint, confirmed):
    make_endpoint()
    receiver.behave = "huge"
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    assert get_events()[0].state == EventState.DELIVERED


def test_a_redirect_is_not_followed(receiver, make_endpoint, confirmed):
    with WebhookReceiver() as target:
        receiver.behave = (302, {"Location": target.url})
        make_endpoint()
        happen(confirmed, EventType.SIGNATURE_CONFIRMED)
        sender.send_due()
        assert target.messages == []
    [event] = get_events()
    assert (event.state, event.answer) == (EventState.DUE, "302")


def test_an_answer_of_gone_disables_the_endpoint(receiver, make_endpoint, confirmed):
    endpoint = make_endpoint()
    receiver.behave = 410
    happen(confirmed, EventType.SIGNATURE_CONFIRMED, EventType.UPDATES_OPTED_IN)
    sender.send_due()
    endpoint = db.session.get(WebhookEndpoint, endpoint.id, populate_existing=True)
    assert endpoint.state == "disabled"
    assert endpoint.disabled_at
    assert {event.state for event in get_events()} == {EventState.DISCARDED}
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    assert len(get_events()) == 2


def test_the_address_is_checked_at_each_attempt(app, receiver, make_endpoint, confirmed, monkeypatch):
    make_endpoint()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    monkeypatch.setitem(app.config, "PETITION_WEBHOOK_LOCAL", False)
    sender.send_due()
    assert receiver.messages == []
    assert get_events()[0].answer in ("not an address", "not a public address")


def test_after_a_rotation_both_secrets_sign_for_a_day(receiver, make_endpoint, confirmed):
    endpoint = make_endpoint()
    old = endpoint.secret
    new = endpoints.rotate(endpoint)
    db.session.commit()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    headers, body, _ = receiver.messages[0]
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)
    endpoint.old_secret_until = clock.now() - timedelta(seconds=1)
    db.session.commit()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)
    sender.send_due()
    headers, body, _ = receiver.messages[1]
    Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)
    sender.delete_old(clock.now() + timedelta(minutes=1))
    db.session.commit()
    assert get_events() == []
    assert db.session.get(WebhookEndpoint, endpoint.id, populate_existing=True).old_secret is None


def test_a_worker_whose_lease_is_over_records_nothing(receiver, make_endpoint, confirmed):
    endpoint = make_endpoint()
    happen(confirmed, EventType.SIGNATURE_CONFIRMED)

    def take_over(_count):
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE webhook_endpoints SET lease = 'another', leased_until = now()"))
        return 500

    receiver.behave = take_over
    sender.send_due()
    assert (get_events()[0].attempts, get_events()[0].state) in {(0, EventState.DUE), (1, EventState.DUE)}
    receiver.behave = 200
    send_now()
    assert get_events()[0].state == EventState.DELIVERED
    assert endpoint.id
