"""From a frozen audience to mail: everyone who agreed, once, and nobody else."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner
from factories import make_mailing, make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.core.terminal import Provider
from petition.delivery.dispatch import dispatch
from petition.delivery.models import Delivery
from petition.delivery.suppress import suppress
from petition.mailings import life, schedule
from petition.mailings.cli import mailings
from petition.mailings.models import Mailing
from petition.mailings.progress import progress
from petition.mailings.watch import watch
from petition.signatures.withdraw import erase, receive_updates, withdraw


def confirmed(petition, address, **overrides):
    return make_signature(petition, email=address, **{"state": "confirmed", "updates": True, **overrides})


def begun(petition, **overrides):
    """Return a mailing that has just begun: scheduled for now, frozen by the watch."""
    mailing = make_mailing(petition, state="scheduled", send_at=clock.now() - timedelta(seconds=1), **overrides)
    watch()
    db.session.refresh(mailing)
    return mailing


def mailed(outbox):
    return sorted(letter.to for letter in outbox)


def rows(**which):
    db.session.expire_all()
    return db.session.query(Delivery).filter_by(kind="mailing", **which).order_by(Delivery.id).all()


def test_everyone_who_agreed_and_nobody_else(app, outbox):
    petition = make_petition()
    confirmed(petition, "yes@example.org")
    confirmed(petition, "english@example.org", locale="en")
    confirmed(petition, "no@example.org", updates=False)
    make_signature(petition, email="pending@example.org", updates=True)
    confirmed(petition, "gone@example.org", state="withdrawn")
    confirmed(make_petition(slug="autre"), "other@example.org")
    mailing = begun(petition)
    assert mailing.state == "sending"
    dispatch("mailings")
    assert mailed(outbox) == ["english@example.org", "yes@example.org"]
    assert {letter.to: letter.subject for letter in outbox} == {
        "yes@example.org": "Nous avançons, Zoé Martin",
        "english@example.org": "We are getting there, Zoé Martin",
    }
    watch()
    assert db.session.get(Mailing, mailing.id).state == "sent"
    assert progress(mailing).states["sent"] == 2


def test_a_signer_of_several_petitions_gets_one(app, outbox):
    one, two = make_petition(), make_petition(slug="autre")
    for petition in (one, two):
        confirmed(petition, "zoe@example.org")
    confirmed(one, "zoe@example.org", party="organisation", organisation="Les amis", name="Zoé")
    begun(one, segment={"petitions": [one.id, two.id]})
    dispatch("mailings")
    assert mailed(outbox) == ["zoe@example.org"]


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda s: receive_updates(s, False), "the signer stopped the updates"),
        (withdraw, "the signature is withdrawn"),
        (erase, "the signer was erased"),
        (lambda s: suppress(s.email, "asked"), "the address is on the suppression list"),
    ],
)
def test_who_leaves_after_the_freeze_is_not_mailed_and_the_row_says_why(app, outbox, happens, why):
    petition = make_petition()
    leaving = confirmed(petition, "leaves@example.org")
    confirmed(petition, "stays@example.org")
    begun(petition)
    happens(leaving)
    db.session.commit()
    dispatch("mailings")
    assert mailed(outbox) == ["stays@example.org"]
    assert [row.reason for row in rows() if row.state != "sent"] == [why]


def test_nothing_leaves_while_paused_and_the_rest_on_resuming(app, outbox):
    petition = make_petition()
    for n in range(3):
        confirmed(petition, f"s{n}@example.org")
    mailing = begun(petition)
    schedule.pause(life.find(mailing.id, lock=True), "a typo")
    db.session.commit()
    dispatch("mailings")
    assert mailed(outbox) == []
    schedule.resume(life.find(mailing.id, lock=True))
    db.session.commit()
    dispatch("mailings")
    assert len(mailed(outbox)) == 3


def test_a_cancelled_mailing_never_leaves(app, outbox):
    petition = make_petition()
    confirmed(petition, "s@example.org")
    mailing = begun(petition)
    schedule.cancel(life.find(mailing.id, lock=True), "a mistake")
    db.session.commit()
    dispatch("mailings")
    watch()
    assert mailed(outbox) == []
    assert [row.state for row in rows()] == ["cancelled"]
    with pytest.raises(life.Nonsense):
        schedule.resume(life.find(mailing.id, lock=True))


def test_those_who_confirmed_since_can_be_reached_and_the_others_not_twice(app, outbox):
    petition = make_petition()
    confirmed(petition, "first@example.org")
    mailing = begun(petition)
    dispatch("mailings")
    watch()
    confirmed(petition, "later@example.org")
    assert schedule.extend(life.find(mailing.id, lock=True)) == 1
    db.session.commit()
    dispatch("mailings")
    assert [letter.to for letter in outbox] == ["first@example.org", "later@example.org"]


def test_a_paced_mailing_leaves_at_its_pace(app, outbox):
    petition = make_petition()
    for n in range(6):
        confirmed(petition, f"s{n}@{'slow' if n < 4 else 'other'}.example.org")
    begun(petition, per_hour=3600, per_domain_hour=60)
    waits = sorted((row.next_attempt_at - rows()[0].created_at).total_seconds() for row in rows())
    assert [round(wait, -1) for wait in waits][-3:] == [60, 120, 180]
    mailing = begun(petition, name="warm", warm_up=2, per_hour=8)
    found = rows(mailing_id=mailing.id)
    first = min(row.next_attempt_at for row in found)
    assert sorted(round((row.next_attempt_at - first).total_seconds() / 60) for row in found) == [
        0,
        30,
        60,
        75,
        90,
        105,
    ]


def test_it_pauses_by_itself_when_too_many_fail(app, outbox, monkeypatch):
    petition = make_petition()
    confirmed(petition, "s@example.org")
    mailing = begun(petition)
    monkeypatch.setattr("petition.mailings.watch.JUDGED_FROM", 1)
    db.session.query(Delivery).filter_by(kind="mailing").update({"state": "failed", "cause": "550 5.7.1"})
    db.session.commit()
    watch()
    db.session.refresh(mailing)
    assert (mailing.state, mailing.reason) == ("paused", "limit failed 1.0000 0.0500")
    assert db.session.query(Delivery).filter_by(kind="mailing_stopped").count() == 1
    schedule.resume(life.find(mailing.id, lock=True))
    db.session.commit()
    watch()
    db.session.refresh(mailing)
    assert mailing.state == "sent"


def test_nothing_is_locked_while_the_command_asks(app, monkeypatch):
    mailing, seen = make_mailing(make_petition()), []
    monkeypatch.setattr("click.confirm", lambda *_, **__: seen.append(db.session.registry().in_transaction()))
    result = CliRunner().invoke(mailings, ["send", str(mailing.id)], obj=Provider(lambda: nullcontext(app)))
    assert seen == [False]
    assert "test" in result.output, "nobody has tested it"
