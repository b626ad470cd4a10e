"""The filters of a segment: the count, the addresses, the sample and the mailing itself select the same signers."""

from datetime import UTC, datetime

import pytest
from support.factories import make_mailing, make_petition
from support.mailings import list_deliveries, make_consenting_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import suppress
from petition.mailings.audience import preview
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.audience.segment import parse_segment
from petition.mailings.models import Mailing
from petition.signatures.models import Signature


@pytest.fixture
def petition(app):
    """Return a petition with signers who differ, each named by the address."""
    petition = make_petition()
    make_consenting_signature(petition, "plain@example.org")
    make_consenting_signature(petition, "english@example.org", locale="en")
    make_consenting_signature(petition, "club@example.org", party="organisation", organisation="Les amis")
    make_consenting_signature(petition, "judge@example.org", profession="Juge 100% au_tribunal")
    make_consenting_signature(petition, "lyon@example.org", city="LYON", postal_code="69003", country="FR")
    make_consenting_signature(
        petition, "early@example.org", confirmed_at=datetime(2026, 9, 1, 21, 59, tzinfo=UTC), postal_code="6_9"
    )
    make_consenting_signature(petition, "late@example.org", confirmed_at=datetime(2026, 9, 1, 22, tzinfo=UTC))
    make_consenting_signature(petition, "no@example.org", updates=False, city="Lyon")
    return petition


@pytest.fixture
def earlier_mailing(petition):
    """Return the id of a mailing that was sent to one signer and failed for another."""
    mailing = make_mailing(petition, name="earlier", state="sent")
    for address, state in (("judge@example.org", "sent"), ("lyon@example.org", "failed")):
        signature = db.session.query(Signature).filter_by(email_canonical=address).one()
        row = {"petition_id": petition.id, "subject_id": signature.id, "generation": mailing.id, "state": state}
        db.session.add(Delivery(kind="mailing", queue="mailings", mailing_id=mailing.id, **row))
    db.session.commit()
    return mailing.id


EVERYONE = {"plain", "english", "club", "judge", "lyon", "early", "late"}
CASES = [
    ({}, EVERYONE),
    ({"party": "organisation"}, {"club"}),
    ({"languages": ["en"]}, {"english"}),
    ({"languages": ["fr", "en"]}, EVERYONE),
    ({"professions": ["JUGE"]}, {"judge"}),
    ({"professions": ["100%", "nobody"]}, {"judge"}),
    ({"professions": ["100_"]}, set()),
    ({"professions": ["au_tri"]}, {"judge"}),
    ({"professions": ["j%e"]}, set()),
    ({"professions": ["\\"]}, set()),
    ({"city": "lyon"}, {"lyon"}),
    ({"postal_code": "69"}, {"lyon"}),
    ({"postal_code": "6_9"}, {"early"}),
    ({"country": "fr"}, {"lyon"}),
    ({"confirmed_until": "2026-09-01"}, {"early"}),  # in Paris, two hours ahead of UTC
    ({"confirmed_from": "2026-09-02", "confirmed_until": "2026-09-02"}, {"late"}),
    ({"confirmed_from": "2026-09-02"}, EVERYONE - {"early"}),
    ({"received": True}, {"judge"}),
    ({"not_received": True}, EVERYONE - {"judge"}),
    ({"received": True, "languages": ["en"]}, set()),
]


@pytest.mark.parametrize(("filters", "expected"), CASES, ids=[str(filters)[:60] for filters, _ in CASES])
def test_every_statement_on_the_audience_selects_the_same_signers(petition, earlier_mailing, filters, expected):
    filters = {name: earlier_mailing if value is True else value for name, value in filters.items()}
    segment = parse_segment({"petitions": [str(petition.id)], **filters}).to_dict()
    mailing = make_mailing(petition, segment=segment)
    audience = preview.count_audience(mailing)
    sample = preview.sample_recipients(mailing)
    for name in EVERYONE | {"no"}:
        suppress(f"{name}@example.org", "a test of LIST_ADDRESSES")
    listed = preview.count_audience(mailing)["left_out"]["suppressed"]
    materialise_audience(mailing, clock.now())
    subjects = [row.subject_id for row in list_deliveries(mailing_id=mailing.id)]
    mailed = {row.email.split("@")[0] for row in db.session.query(Signature).filter(Signature.id.in_(subjects))}
    sampled = {signer.email.split("@")[0] for signer in sample if signer.id}
    assert (mailed, sampled) == (expected, expected)
    assert audience["recipients"] == sum(audience["languages"].values()) == listed == len(expected)


def test_segment_of_several_petitions_counts_an_address_once(app):
    petitions = [make_petition(slug=slug) for slug in ("un", "deux")]
    make_consenting_signature(petitions[0], updates=False)
    make_consenting_signature(petitions[1])
    mailing = make_mailing(petitions[0], segment={"petitions": [petition.id for petition in petitions]})
    audience = preview.count_audience(mailing)
    assert (audience["recipients"], sum(audience["left_out"].values())) == (1, 0)
    assert materialise_audience(mailing, clock.now()) == 1
    assert materialise_audience(mailing, clock.now()) == 0
    assert [row.petition_id for row in list_deliveries()] == [petitions[1].id]


def test_domain_is_in_ascii(app):
    petition = make_petition()
    make_consenting_signature(petition, "zoe@Exemple.org")
    make_consenting_signature(petition, "zoé@exämple.org")
    mailing = make_mailing(petition)
    assert dict(preview.count_audience(mailing)["domains"]) == {"exemple.org": 1, "xn--exmple-cua.org": 1}
    materialise_audience(mailing, clock.now())
    assert {row.domain for row in list_deliveries()} == {"exemple.org", "xn--exmple-cua.org"}


def test_drafts_are_counted_again_after_an_edit(petition):
    mailing = make_mailing(petition)
    assert preview.list_uncounted_ids() == [mailing.id]
    preview.count_audience(mailing)
    assert preview.list_uncounted_ids() == []
    db.session.get(Mailing, mailing.id).version += 1
    db.session.flush()
    assert preview.list_uncounted_ids() == [mailing.id]
