"""From a frozen audience to mail: everyone who agreed, once, and nobody else."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner
from support.factories import make_mailing, make_petition, make_signature

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import suppress
from petition.delivery.worker import run_queue
from petition.mailings import actions, lifecycle
from petition.mailings.cli import mailings
from petition.mailings.models import Mailing
from petition.mailings.progress import get_progress
from petition.mailings.scheduler import process_mailings
from petition.signatures.self_service import erase, set_updates, withdraw


def make_confirmed_signature(petition, address, **overrides):
    return make_signature(petition, email=address, **{"state": "confirmed", "updates": True, **overrides})


def make_started_mailing(petition, **overrides):
    """Return a mailing that has just begun: scheduled for now, frozen by the watch."""
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1), **overrides)
    process_mailings()
    db.session.refresh(mailing)
    return mailing


def recipients(sent_emails):
    return sorted(letter.to for letter in sent_emails)


def mailing_deliveries(**which):
    db.session.expire_all()
    return db.session.query(Delivery).filter_by(kind="mailing", **which).order_by(Delivery.id).all()


def test_everyone_who_agreed_and_nobody_else(app, sent_emails):
    petition = make_petition()
    make_confirmed_signature(petition, "yes@example.org")
    make_confirmed_signature(petition, "english@example.org", locale="en")
    make_confirmed_signature(petition, "no@example.org", updates=False)
    make_signature(petition, email="pending@example.org", updates=True)
    make_confirmed_signature(petition, "gone@example.org", state="withdrawn")
    make_confirmed_signature(make_petition(slug="autre"), "other@example.org")
    mailing = make_started_mailing(petition)
    assert mailing.state == "sending"
    run_queue("mailings")
    assert recipients(sent_emails) == ["english@example.org", "yes@example.org"]
    assert {letter.to: letter.subject for letter in sent_emails} == {
        "yes@example.org": "Nous avançons, Zoé Martin",
        "english@example.org": "We are getting there, Zoé Martin",
    }
    process_mailings()
    assert db.session.get(Mailing, mailing.id).state == "sent"
    assert get_progress(mailing).states["sent"] == 2


def test_a_signer_of_several_petitions_gets_one(app, sent_emails):
    one, two = make_petition(), make_petition(slug="autre")
    for petition in (one, two):
        make_confirmed_signature(petition, "zoe@example.org")
    make_confirmed_signature(one, "zoe@example.org", party="organisation", organisation="Les amis", name="Zoé")
    make_started_mailing(one, segment={"petitions": [one.id, two.id]})
    run_queue("mailings")
    assert recipients(sent_emails) == ["zoe@example.org"]


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda s: set_updates(s, False), "the signer stopped the updates"),
        (withdraw, "the signature is withdrawn"),
        (erase, "the signer was erased"),
        (lambda s: suppress(s.email, "asked"), "the address is on the suppression list"),
    ],
)
def test_signer_who_leaves_after_materialisation_is_skipped_with_a_reason(app, sent_emails, happens, why):
    petition = make_petition()
    leaving = make_confirmed_signature(petition, "leaves@example.org")
    make_confirmed_signature(petition, "stays@example.org")
    make_started_mailing(petition)
    happens(leaving)
    db.session.commit()
    run_queue("mailings")
    assert recipients(sent_emails) == ["stays@example.org"]
    assert [row.reason for row in mailing_deliveries() if row.state != "sent"] == [why]


def test_nothing_leaves_while_paused_and_the_rest_on_resuming(app, sent_emails):
    petition = make_petition()
    for n in range(3):
        make_confirmed_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition)
    actions.pause(lifecycle.find(mailing.id, lock=True), "a typo")
    db.session.commit()
    run_queue("mailings")
    assert recipients(sent_emails) == []
    actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.commit()
    run_queue("mailings")
    assert len(recipients(sent_emails)) == 3


def test_a_cancelled_mailing_never_leaves(app, sent_emails):
    petition = make_petition()
    make_confirmed_signature(petition, "s@example.org")
    mailing = make_started_mailing(petition)
    actions.cancel(lifecycle.find(mailing.id, lock=True), "a mistake")
    db.session.commit()
    run_queue("mailings")
    process_mailings()
    assert recipients(sent_emails) == []
    assert [row.state for row in mailing_deliveries()] == ["cancelled"]
    with pytest.raises(lifecycle.InvalidMailingTransition):
        actions.resume(lifecycle.find(mailing.id, lock=True))


def test_those_who_confirmed_since_can_be_reached_and_the_others_not_twice(app, sent_emails):
    petition = make_petition()
    make_confirmed_signature(petition, "first@example.org")
    mailing = make_started_mailing(petition)
    run_queue("mailings")
    process_mailings()
    make_confirmed_signature(petition, "later@example.org")
    assert actions.add_recipients(lifecycle.find(mailing.id, lock=True)) == 1
    db.session.commit()
    run_queue("mailings")
    assert [letter.to for letter in sent_emails] == ["first@example.org", "later@example.org"]


def test_send_rate_spaces_the_emails(app, sent_emails):
    petition = make_petition()
    for n in range(6):
        make_confirmed_signature(petition, f"s{n}@{'slow' if n < 4 else 'other'}.example.org")
    make_started_mailing(petition, per_hour=3600, per_domain_hour=60)
    waits = sorted(
        (row.next_attempt_at - mailing_deliveries()[0].created_at).total_seconds() for row in mailing_deliveries()
    )
    assert [round(wait, -1) for wait in waits][-3:] == [60, 120, 180]
    mailing = make_started_mailing(petition, name="warm", warm_up=2, per_hour=8)
    found = mailing_deliveries(mailing_id=mailing.id)
    first = min(row.next_attempt_at for row in found)
    assert sorted(round((row.next_attempt_at - first).total_seconds() / 60) for row in found) == [
        0,
        30,
        60,
        75,
        90,
        105,
    ]


def test_it_pauses_by_itself_when_too_many_fail(app, sent_emails, monkeypatch):
    petition = make_petition()
    make_confirmed_signature(petition, "s@example.org")
    mailing = make_started_mailing(petition)
    monkeypatch.setattr("petition.mailings.limits.MIN_ATTEMPTS_FOR_LIMITS", 1)
    db.session.query(Delivery).filter_by(kind="mailing").update({"state": "failed", "cause": "550 5.7.1"})
    db.session.commit()
    process_mailings()
    db.session.refresh(mailing)
    assert (mailing.state, mailing.reason) == ("paused", "limit failed 1.0000 0.0500")
    assert db.session.query(Delivery).filter_by(kind="mailing_stopped").count() == 1
    actions.resume(lifecycle.find(mailing.id, lock=True))
    db.session.commit()
    process_mailings()
    db.session.refresh(mailing)
    assert mailing.state == "sent"


def test_nothing_is_locked_while_the_command_asks(app, monkeypatch):
    mailing, seen = make_mailing(make_petition()), []
    monkeypatch.setattr("click.confirm", lambda *_, **__: seen.append(db.session.registry().in_transaction()))
    result = CliRunner().invoke(mailings, ["send", str(mailing.id)], obj=AppProvider(lambda: nullcontext(app)))
    assert seen == [False]
    assert "test" in result.output, "nobody has tested it"
