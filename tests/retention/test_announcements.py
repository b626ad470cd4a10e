from datetime import timedelta

import pytest
from support.factories import make_account, make_petition, make_signature
from support.retention import Clock, announce_and_wait, close_long_ago, today

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.retention.announcements import announce_due, postpone, record_handover
from petition.retention.anonymise import anonymise_batch
from petition.signatures.confirm import confirm_signature
from petition.team.models import AuditEvent


@pytest.fixture
def travel(app, monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def petition(travel):
    petition = make_petition()
    confirm_signature(make_signature(petition))
    close_long_ago(petition)
    return petition


def test_administrators_and_campaigners_are_told_in_their_language(petition, sent_emails):
    make_account(email="a@example.net", role_names=["admin"], language="en")
    make_account(email="c@example.net", role_names=["campaigner"], language="fr")
    make_account(email="o@example.net", role_names=["operator"])
    make_account(email="gone@example.net", role_names=["admin"], active=False)
    assert announce_due() == 1
    run_queue("notifications")
    english, french = sorted(sent_emails, key=lambda email: email.to)
    assert (english.to, french.to) == ("a@example.net", "c@example.net")
    assert "1 signature of “For a garden” will be anonymised" in english.body.replace("\n", " ")
    assert "/desk/petitions/jardin/data-kept" in english.body
    assert "Pour un jardin" in french.subject
    assert "zoe@example.org" not in english.body + english.html
    [event] = db.session.query(AuditEvent).filter_by(action="petition.anonymisation_announced")
    assert event.after["signatures"] == 1


def test_two_petitions_at_once_are_both_announced(petition, sent_emails):
    make_account(role_names=["campaigner"])
    close_long_ago(make_petition(slug="verger"))
    assert announce_due() == 2
    run_queue("notifications")
    assert len(sent_emails) == 2


def test_a_notice_that_is_late_is_not_sent_once_it_began(petition, travel, sent_emails):
    make_account(role_names=["campaigner"])
    announce_and_wait(travel)
    assert anonymise_batch(petition.id)
    run_queue("notifications")
    assert sent_emails == []
    assert db.session.query(Delivery).filter_by(kind="retention_announced").one().state == "cancelled"


@pytest.mark.parametrize(
    ("days", "reason", "field"),
    [(0, "why", "until"), (367, "why", "until"), (9, "", "reason"), (9, "a@b.org", "reason")],
)
def test_postponing_takes_a_day_within_a_year_and_a_reason(petition, days, reason, field):
    with pytest.raises(ValidationError) as error:
        postpone(petition, today() + timedelta(days=days), reason, actor="alix")
    assert set(error.value.errors) == {field}


def test_a_handover_is_on_a_day_since_the_petition_was_created(petition):
    for days in (-1, 1):
        moment = petition.created_at if days < 0 else clock.now()
        with pytest.raises(ValidationError):
            record_handover(petition, (moment + timedelta(days=days * 2)).date(), actor="alix")


def test_both_are_in_the_audit_trail(petition):
    record_handover(petition, today(), actor="alix")
    postpone(petition, today() + timedelta(days=9), "the answer is due", actor="alix")
    db.session.commit()
    handed, postponed = db.session.query(AuditEvent).order_by(AuditEvent.id)
    assert (handed.action, handed.before) == ("petition.handed_over", {"on": None})
    assert postponed.after["reason"] == "the answer is due"
