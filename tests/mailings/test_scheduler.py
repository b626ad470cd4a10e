"""From a materialised audience to email: everyone who agreed, once, and nobody else."""

import pytest
from support.factories import make_petition, make_signature
from support.mailings import list_addresses, list_deliveries, make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import suppress
from petition.delivery.worker import run_queue
from petition.mailings import actions, lifecycle
from petition.mailings.models import Mailing
from petition.mailings.progress import get_progress
from petition.mailings.scheduler import process_mailings
from petition.signatures.personal.self_service import erase, set_updates, withdraw


def test_mailing_is_sent_to_everyone_who_agreed_and_nobody_else(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition, "yes@example.org")
    make_consenting_signature(petition, "english@example.org", locale="en")
    make_consenting_signature(petition, "no@example.org", updates=False)
    make_signature(petition, email="pending@example.org", updates=True)
    make_consenting_signature(petition, "gone@example.org", state="withdrawn")
    make_consenting_signature(make_petition(slug="autre"), "other@example.org")
    mailing = make_started_mailing(petition)
    assert mailing.state == "sending"
    run_queue("mailings")
    assert list_addresses(sent_emails) == ["english@example.org", "yes@example.org"]
    assert {email.to: email.subject for email in sent_emails} == {
        "yes@example.org": "Nous avançons, Zoé Martin",
        "english@example.org": "We are getting there, Zoé Martin",
    }
    process_mailings()
    assert db.session.get(Mailing, mailing.id).state == "sent"
    assert get_progress(mailing).states["sent"] == 2


def test_signer_of_several_petitions_gets_one_email(app, sent_emails):
    one, two = make_petition(), make_petition(slug="autre")
    for petition in (one, two):
        make_consenting_signature(petition, "zoe@example.org")
    make_consenting_signature(one, "zoe@example.org", party="organisation", organisation="Les amis", name="Zoé")
    make_started_mailing(one, segment={"petitions": [one.id, two.id]})
    run_queue("mailings")
    assert list_addresses(sent_emails) == ["zoe@example.org"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: set_updates(s, False), "the signer stopped the updates"),
        (withdraw, "the signature is withdrawn"),
        (erase, "the signer was erased"),
        (lambda s: suppress(s.email, "asked"), "the address is on the suppression list"),
    ],
)
def test_signer_who_leaves_after_materialisation_is_skipped_with_a_reason(app, sent_emails, change, reason):
    petition = make_petition()
    leaving = make_consenting_signature(petition, "leaves@example.org")
    make_consenting_signature(petition, "stays@example.org")
    make_started_mailing(petition)
    change(leaving)
    db.session.commit()
    run_queue("mailings")
    assert list_addresses(sent_emails) == ["stays@example.org"]
    assert [row.reason for row in list_deliveries() if row.state != "sent"] == [reason]


def test_mailing_is_paused_when_too_many_emails_fail(app, sent_emails, monkeypatch):
    petition = make_petition()
    make_consenting_signature(petition, "s@example.org")
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
