"""A campaign's statistics equal its rows after every change, before and after a roll-up, without scanning them."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text, update
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.statistics import campaign as module
from petition.petitions.statistics.campaign import get_statistics, roll_up_batch
from petition.petitions.statistics.models import CampaignLog, CampaignStatistic
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.listing.list_pages import count_people
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, update_details, withdraw


def assert_statistics_equal_rows(petition):
    """Compare every number with the rows, before a roll-up and after."""
    rows = db.session.scalars(select(Signature).where(Signature.state == "confirmed")).all()
    for _ in range(2):
        found = get_statistics(petition)
        assert found.counted == len(rows)
        assert found.confirmed_earlier + sum(slot.confirmed for slot in found.days) == len(rows)
        for name, column in (
            ("profession", "profession"),
            ("city", "city"),
            ("language", "locale"),
            ("source", "source"),
        ):
            wanted = Counter((getattr(row, column) or "").lower() for row in rows)
            top = found.breakdowns[name]
            assert {label.lower(): n for label, n in top.rows} == {k: n for k, n in wanted.items() if k}, name
            assert (top.unknown, top.others) == (wanted[""], 0), name
        roll_up_batch()
    return found


def test_statistics_equal_rows_after_every_transition(app, sent_emails):
    petition = make_petition()
    make_petition(slug="autre")
    details = [("Avocate", "Lyon"), ("avocate", "LYON"), ("Juge", None), (None, "Paris"), ("Juge", "Lyon")]
    signatures = [
        make_signature(petition, email=f"s{n}@example.org", profession=profession, city=city)
        for n, (profession, city) in enumerate(details)
    ]
    assert_statistics_equal_rows(petition)
    run_queue("confirmations")
    for signature in signatures:
        confirm_signature(signature)
    db.session.commit()
    assert assert_statistics_equal_rows(petition).breakdowns["profession"].rows == [("Avocate", 2), ("Juge", 2)]
    update_details(signatures[2], {"profession": "Avocate", "listed": "on"})
    withdraw(signatures[0])
    disown(signatures[3])
    erase(signatures[4])
    db.session.commit()
    found = assert_statistics_equal_rows(petition)
    assert (found.submitted, found.mailed, found.confirmed, found.counted) == (5, 5, 5, 2)
    # A signer who withdrew and signs again is still one of five.
    make_signature(petition, email="s0@example.org", profession="Juge", city="Metz")
    db.session.commit()
    assert assert_statistics_equal_rows(petition).confirmed == 4
    db.session.execute(text("UPDATE deliveries SET next_attempt_at = now()"))
    run_queue("confirmations")
    confirm_signature(signatures[0])
    db.session.commit()
    found = assert_statistics_equal_rows(petition)
    assert (found.submitted, found.mailed, found.confirmed, found.counted) == (5, 5, 5, 3)
    assert db.session.query(CampaignLog).count() == 0
    assert db.session.query(CampaignStatistic).filter_by(n=0).count() == 0, "no value of an erased signature is left"


@pytest.mark.usefixtures("within_one_hour")
def test_buckets_are_by_time_of_confirmation_in_the_petition_time_zone(app):
    petition = make_petition(timezone="Europe/Paris")
    signature = make_signature(petition)
    confirm_signature(signature)
    now = db.session.execute(text("SELECT now()")).scalar_one()
    late = (now - timedelta(days=3)).replace(hour=22, minute=30)
    db.session.execute(update(Signature).values(confirmed_at=late.replace(hour=23)))
    db.session.commit()
    found = get_statistics(petition)
    day = next(slot for slot in found.days if slot.confirmed)
    assert day.starts_at == (late + timedelta(days=1)).date(), "23:30 in UTC is the next day in Paris"
    db.session.execute(update(Signature).values(confirmed_at=now - timedelta(hours=2)))
    db.session.commit()
    assert [slot.confirmed for slot in get_statistics(petition).hours[-3:]] == [1, 0, 0]
    db.session.execute(update(Signature).values(confirmed_at=now - timedelta(days=200)))
    db.session.commit()
    assert get_statistics(petition).confirmed_earlier == 1


def test_breakdowns_are_limited_and_count_other_values(app, monkeypatch):
    monkeypatch.setattr(module, "MAX_VALUES_PER_DIMENSION", 2)
    petition = make_petition()
    for n, profession in enumerate(["Juge"] * 3 + ["Avocate"] * 2 + ["Médecin", "Libraire", None]):
        confirm_signature(make_signature(petition, email=f"s{n}@example.org", profession=profession))
    db.session.commit()
    for _ in range(2):
        top = get_statistics(petition).breakdowns["profession"]
        assert (top.rows, top.unknown, top.others) == ([("Juge", 3), ("Avocate", 2)], 1, 2)
        roll_up_batch()


def test_reconciliation_repairs_drifted_statistics(app):
    petition = make_petition()
    confirm_signature(make_signature(petition))
    db.session.commit()
    db.session.execute(text("UPDATE campaign_log SET counted = counted + 3 WHERE counted > 0"))
    db.session.commit()
    assert [drift.found for drift in reconcile()] == [4]
    assert get_statistics(petition).counted == 1
    assert reconcile() == []


def test_reconciliation_repairs_a_drifted_list_total(app):
    petition = make_petition()
    confirm_signature(make_signature(petition, listed=True))
    db.session.commit()
    roll_up_batch()
    db.session.execute(text("UPDATE campaign_statistics SET n = n + 3 WHERE dimension = 'list'"))
    db.session.commit()
    assert [(drift.what, drift.found, drift.expected) for drift in reconcile()] == [("people in the public list", 4, 1)]
    assert count_people(petition) == 1
    assert reconcile() == []


def test_statistics_never_scan_signatures(app):
    petition = make_petition()
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        get_statistics(petition)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert asked
    assert not [statement for statement in asked if re.search(r"\b(signatures|deliveries)\b", statement)]
