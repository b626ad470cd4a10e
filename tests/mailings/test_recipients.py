"""The recipients of a mailing, page by page."""

import pytest
from support.factories import make_petition
from support.mailings import list_deliveries, make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.delivery.models import Delivery
from petition.mailings import recipients


@pytest.fixture
def mailing(app, monkeypatch):
    """Return a mailing to five, two of which failed, with pages of two."""
    monkeypatch.setattr(recipients, "PAGE_SIZE", 2)
    petition = make_petition()
    for n in range(5):
        make_consenting_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition)
    failed = [row.id for row in list_deliveries()[:2]]
    db.session.query(Delivery).filter(Delivery.id.in_(failed)).update({"state": "failed"})
    db.session.commit()
    return mailing


def test_pages_of_a_state_have_every_recipient_once(mailing):
    first = recipients.list_page(mailing.id, "due", None)
    second = recipients.list_page(mailing.id, "due", int(first.next))
    ids = [row[0].id for row in (*first.items, *second.items)]
    assert ids == [row.id for row in list_deliveries(state="due")]
    assert (len(first.items), second.next) == (2, None)


def test_first_recipients_are_listed_state_by_state(mailing):
    assert [row[0].state for row in recipients.list_first(mailing.id)] == ["due", "due"]
    db.session.query(Delivery).filter_by(state="due").update({"state": "sent"})
    db.session.query(Delivery).filter_by(state="failed").update({"state": "due"})
    assert [row[0].state for row in recipients.list_first(mailing.id)] == ["due", "due"]


def test_recipient_is_found_by_any_spelling_of_the_address(mailing):
    assert [row[2] for row in recipients.find_by_address(mailing.id, "S3@EXAMPLE.org")] == ["s3@example.org"]
    assert recipients.find_by_address(mailing.id, "nobody@example.org") == []
    assert recipients.find_by_address(mailing.id, "not an address") == []


def test_recipient_of_another_mailing_is_not_found(mailing):
    delivery = list_deliveries()[0]
    assert recipients.get_recipient(mailing.id, delivery.id).delivery.id == delivery.id
    with pytest.raises(NotFound):
        recipients.get_recipient(mailing.id + 1, delivery.id)
