"""What is written for which endpoint, in order, in the transaction of its cause; nothing without an endpoint."""

import json

import pytest
from support.factories import confirm_by_link, make_mailing, make_petition, make_signature
from support.partners import make_news_signature, make_partner, make_partnership

from petition.core import clock
from petition.core.db import db
from petition.count_log.log import append_batch
from petition.desk import alerts
from petition.integrations.models import EventState, WebhookEvent
from petition.integrations.webhooks.payloads import make_body
from petition.mailings import lifecycle
from petition.signatures.confirm import disown
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature
from petition.signatures.partner_news import consents
from petition.signatures.personal import self_service
from petition.signatures.staff import restriction
from petition.signatures.staff.invalidate import invalidate


def written():
    append_batch()
    return [(event.type, event.signature_id) for event in db.session.query(WebhookEvent).order_by(WebhookEvent.id)]


def confirm(client, signature):
    confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    return db.session.get(Signature, signature.id, populate_existing=True)


def test_a_signature_that_is_confirmed_with_updates(client, make_endpoint):
    make_endpoint()
    signature = make_signature(make_petition(), updates=True)
    assert written() == []
    confirm(client, signature)
    assert written() == [("signature.confirmed", signature.id), ("updates.opted_in", signature.id)]


def test_the_life_of_a_signature_in_order(client, make_endpoint):
    make_endpoint()
    signature = confirm(client, make_signature(make_petition()))
    for enabled in (True, False, True):
        self_service.set_updates(signature, enabled)
        db.session.commit()
    self_service.withdraw(signature)
    db.session.commit()
    assert [kind for kind, _ in written()] == [
        "signature.confirmed", "updates.opted_in", "updates.opted_out", "updates.opted_in",
        "signature.withdrawn", "updates.opted_out",
    ] or [kind for kind, _ in written()][-2:] == ["updates.opted_out", "signature.withdrawn"]  # fmt: skip


def test_why_a_signature_no_longer_counts(client, make_endpoint):
    make_endpoint(events=["signature.withdrawn"])
    petition = make_petition()
    first, second = (confirm(client, make_signature(petition, email=f"{n}@example.org")) for n in "ab")
    disown(first)
    self_service.erase(second)
    db.session.commit()
    written()
    events = db.session.query(WebhookEvent).order_by(WebhookEvent.id)
    assert [event.data for event in events] == [{"reason": "disowned"}, {"reason": "erased"}]


def test_each_endpoint_gets_what_it_asks_for_of_its_petition(client, make_endpoint):
    garden, other = make_petition(), make_petition(slug="autre")
    everything = make_endpoint(events=["signature.confirmed"])
    of_garden = make_endpoint(events=["signature.confirmed"], petition_id=garden.id)
    make_endpoint(events=["mailing.finished"])
    confirm(client, make_signature(garden))
    confirm(client, make_signature(other, email="lea@example.org"))
    written()
    found = [event.endpoint_id for event in db.session.query(WebhookEvent).order_by(WebhookEvent.id)]
    assert found == [everything.id, of_garden.id, everything.id]


def test_without_an_endpoint_nothing_is_written_nor_kept(client, app):
    signature = confirm(client, make_signature(make_petition()))
    self_service.set_updates(signature, True)
    db.session.commit()
    assert written() == []
    assert db.session.execute(db.text("SELECT count(*) FROM count_events")).scalar() == 0


def test_a_disabled_endpoint_gets_nothing_and_a_paused_one_later(client, make_endpoint):
    disabled, paused = make_endpoint(), make_endpoint()
    disabled.state, paused.state = "disabled", "paused"
    db.session.commit()
    confirm(client, make_signature(make_petition()))
    written()
    assert [event.endpoint_id for event in db.session.query(WebhookEvent)] == [paused.id]


def test_an_act_that_is_rolled_back_writes_nothing(client, make_endpoint):
    make_endpoint()
    signature = confirm(client, make_signature(make_petition()))
    written()
    self_service.withdraw(signature)
    db.session.rollback()
    assert [kind for kind, _ in written()] == ["signature.confirmed"]


def test_the_log_of_the_count_has_no_entry_of_news(client, make_endpoint):
    signature = confirm(client, make_signature(make_petition()))
    self_service.set_updates(signature, True)
    db.session.commit()
    append_batch()
    assert db.session.execute(db.text("SELECT count(*) FROM count_log_entries")).scalar() == 1


def test_a_milestone_once_whoever_is_alerted(client, make_endpoint):
    make_endpoint()
    petition = make_petition(milestones=[1, 5])
    confirm(client, make_signature(petition))
    for _ in range(2):
        alerts.check()
    [event] = db.session.query(WebhookEvent)
    assert (event.type, event.data) == ("petition.milestone", {"milestone": 1, "total": 1})


def test_a_mailing_that_is_finished(make_endpoint):
    make_endpoint()
    petition = make_petition()
    make_petition(slug="autre")
    mailing = make_mailing(petition, state="sending", started_at=clock.now())
    lifecycle.transition("finish", mailing, actor="schedule")
    db.session.commit()
    [event] = db.session.query(WebhookEvent)
    assert (event.type, event.petition_id, event.data["mailing"]) == ("mailing.finished", petition.id, mailing.id)
    assert event.state == EventState.DUE


def take_back(signature):
    self_service.set_passed_on(signature, False)


def stop_choir(signature):
    consents.set_news(signature, consents.find_box(signature.petition, "choir", "fr"), False)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (take_back, ["passing_on.opted_out"]),
        (restriction.restrict, ["passing_on.opted_out", "partner_news.opted_out choir"]),
        (self_service.withdraw, ["passing_on.opted_out", "signature.withdrawn", "partner_news.opted_out choir"]),
        (disown, ["passing_on.opted_out", "signature.withdrawn", "partner_news.opted_out choir"]),
        (invalidate, ["signature.withdrawn", "passing_on.opted_out"]),
        (self_service.erase, ["signature.withdrawn", "updates.opted_out", "passing_on.opted_out"]),
        (stop_choir, ["partner_news.opted_out choir"]),
        (consents.stop_all, ["partner_news.opted_out choir"]),
    ],
)
def test_a_consent_that_ends_is_told_whatever_ended_it(make_endpoint, act, expected):
    petition = make_petition(passes_on_to="La Quadrature")
    make_partnership(petition, make_partner("choir"))
    signature = make_news_signature(petition, news=["choir"], passed_on="on")
    written()
    db.session.query(WebhookEvent).delete()
    make_endpoint()
    act(db.session.get(Signature, signature.id, populate_existing=True))
    db.session.commit()
    append_batch()
    found = [f"{event.type} {event.data.get('partner', '')}".strip() for event in db.session.query(WebhookEvent)]
    assert sorted(found) == sorted(expected)  # at once, in any order


@pytest.mark.parametrize(
    ("asked", "notified"),
    [
        ("signature.confirmed", True), ("updates.opted_in", True), ("updates.opted_out", True),
        ("passing_on.opted_in", True), ("passing_on.opted_out", True),
        ("signature.withdrawn", False), ("mailing.finished", False), ("partner_news.opted_out", False),
    ],
)  # fmt: skip
def test_whoever_may_have_got_what_a_signer_wrote_is_asked_to_stop(make_endpoint, asked, notified):
    signature = make_news_signature(make_petition(passes_on_to="La Quadrature"), passed_on="on")
    written()
    endpoint = make_endpoint(events=[asked])
    take_back(signature)
    db.session.commit()
    append_batch()
    events = db.session.query(WebhookEvent).all()
    assert [event.type for event in events] == ["passing_on.opted_out"] * notified
    for event in events:
        assert set(json.loads(make_body(endpoint, event))["data"]) == {"petition", "signature"}


def test_who_agrees_later_is_passed_on_from_then_on(make_endpoint):
    signature = make_news_signature(make_petition(passes_on_to="La Quadrature"))
    written()
    endpoint = make_endpoint(events=["passing_on.opted_in"])
    self_service.set_passed_on(signature, True)
    db.session.commit()
    append_batch()
    [event] = db.session.query(WebhookEvent)
    assert json.loads(make_body(endpoint, event))["data"]["signer"]["email"] == "zoe@example.org"
