"""Quarantine: not counted, not listed, in no mailing, reversible, and no difference for the signer."""

import re

import pytest
from sqlalchemy import select, text
from support.factories import make_petition, make_signature, post_form, sign_in
from support.signing import process_requests

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.count_log import log as count_log
from petition.count_log.models import CountLogEntry
from petition.delivery.models import Delivery
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.signatures import journal_queries
from petition.signatures.confirm import confirm_signature, disown, restore, take_back
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.listing.public_list import preview_signatories
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import collect_data
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.search.filters import Filter
from petition.signatures.staff.actions import perform_action
from petition.signatures.staff.invalidate import invalidate, reinstate
from petition.signatures.staff.quarantine import (
    prepare_bulk_quarantine,
    prepare_bulk_release,
    prepare_undo,
    quarantine,
    release,
)
from petition.team.models import AuditEvent


def sign(petition, box, **values):
    signature = make_signature(petition, email=f"{box}@example.org", **values)
    confirm_signature(signature)
    db.session.commit()
    return signature


def held(petition, box="zoe"):
    signature = sign(petition, box)
    assert quarantine(signature)
    db.session.commit()
    return signature


def run(action):
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))


def entries(petition):
    while count_log.append_batch():
        pass
    query = select(CountLogEntry.entry).where(CountLogEntry.petition_id == petition.id)
    in_order = db.session.scalars(query.order_by(CountLogEntry.entry_index))
    return [re.search(r'"kind":"(\w+)"', entry)[1] for entry in in_order]


def test_counts_listing_and_log_follow_in_both_directions(app):
    petition = make_petition()
    signature = sign(petition, "zoe", name="Zoé Martin", listed="on")
    number = signature.confirmed_no
    assert quarantine(signature)
    assert not quarantine(signature)
    db.session.commit()
    assert get_count(petition).confirmed == 0
    assert "Martin" not in str(preview_signatories(petition))
    assert release(signature)
    assert not release(signature)
    db.session.commit()
    assert (get_count(petition).confirmed, signature.confirmed_no, signature.quarantined_at) == (1, number, None)
    assert entries(petition) == ["confirmed", "quarantined", "released"]
    assert reconcile() == []


@pytest.mark.parametrize("end", [withdraw, disown, invalidate, erase])
def test_what_ends_in_quarantine_is_not_uncounted_twice(app, end):
    petition = make_petition()
    sign(petition, "ana")
    signature = held(petition)
    end(signature)
    db.session.commit()
    assert get_count(petition).confirmed == 1
    assert entries(petition) == ["confirmed", "confirmed", "quarantined"]


@pytest.mark.parametrize(("end", "undo"), [(disown, take_back), (disown, restore), (invalidate, reinstate)])
def test_neither_way_back_leads_out_of_quarantine(app, end, undo):
    petition = make_petition()
    signature = held(petition)
    end(signature)
    assert undo(signature)
    db.session.commit()
    assert (signature.state, get_count(petition).confirmed) == ("quarantined", 0)


def test_its_signer_sees_no_difference(app, client):
    petition = make_petition()
    signature = sign(petition, "zoe", name="Zoé Martin", listed="on", updates="on")
    paths = (f"/me/{make_personal_token(signature)}", f"/c/{make_confirm_token(signature)}",
             f"/c/{make_confirm_token(signature)}/disown", f"/me/{make_personal_token(signature)}/data",
             f"/me/{make_personal_token(signature)}/data.html")  # fmt: skip
    stamps = re.compile(r'name="(stamp|seen)" value="[^"]+"')
    before = [(page.status_code, stamps.sub("", page.text)) for page in map(client.get, paths)]
    perform_action("quarantine", signature, {"reason": "looks forged"}, "alix@example.org")
    db.session.commit()
    assert collect_data(signature)["state"] == "quarantined"
    for path, (status, shown) in zip(paths, before, strict=True):
        page = client.get(path)
        assert page.status_code == status
        assert stamps.sub("", page.text).splitlines() == shown.splitlines(), path


def test_who_signs_again_is_told_the_same(app):
    petition = make_petition()
    signature = held(petition)
    db.session.execute(text("UPDATE deliveries SET created_at = created_at - interval '2 days', state = 'sent',"
                            " settled_at = now() - interval '2 days'"))  # fmt: skip
    db.session.commit()
    make_signature(petition, email="zoe@example.org")
    process_requests()
    kinds = db.session.scalars(select(Delivery.kind).where(Delivery.subject_id == signature.id).order_by(Delivery.id))
    assert kinds.all()[-1] == "already_signed"


def test_bulk_quarantine_and_its_undo(app):
    petition = make_petition()
    for name in ("a", "b", "c"):
        sign(petition, name)
    make_signature(petition, email="pending@example.org")
    action = prepare_bulk_quarantine(Filter(petition="jardin"), "a flood", "Alix")
    run(action)
    assert (action.done, get_count(petition).confirmed) == (3, 0)
    release(db.session.scalars(select(Signature).filter_by(email="a@example.org")).one())
    undo = prepare_undo(action, "Alix")
    run(undo)
    assert (undo.done, get_count(petition).confirmed) == (2, 3)
    assert reconcile() == []


def test_bulk_release_and_its_undo(app):
    petition = make_petition()
    held(petition, "a"), held(petition, "b")
    action = prepare_bulk_release(Filter(petition="jardin"), "genuine", "Alix")
    run(action)
    assert (action.done, get_count(petition).confirmed) == (2, 2)
    run(prepare_undo(action, "Alix"))
    assert get_count(petition).confirmed == 0


def test_the_pages_of_search_and_bulk_actions(app, client):
    petition = make_petition()
    sign(petition, "zoe")
    sign_in(client, "campaigner", name="Alix")
    where = post_form(client, "/desk/signatures/", name="zoe").location
    assert f"{where}/quarantine" in client.get(where).text
    assert client.get(f"{where}/quarantine").status_code == client.get(f"{where}/release").status_code == 200
    assert post_form(client, f"{where}/release", reason="genuine").status_code == 422
    asked = post_form(client, f"{where}/quarantine", reason="a flood").location
    post_form(client, f"{asked}/start")
    list(runner.run_batches(db.session.query(BulkAction).one().id))
    assert get_count(petition).confirmed == 0
    undone = post_form(client, f"{asked}/undo").location
    assert client.get(undone).status_code == 200
    post_form(client, f"{undone}/start")
    list(runner.run_batches(int(undone.rpartition("/")[2])))
    assert get_count(petition).confirmed == 1
    done = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert [action for action in done if action.startswith("signatures.")] == [
        "signatures.quarantine", "signatures.release",
    ]  # fmt: skip


def test_one_signature_by_hand(app, client):
    petition = make_petition()
    signature = sign(petition, "zoe")
    sign_in(client, "campaigner", name="Alix")
    where = f"/desk/signatures/{signature.id}"
    page = client.get(f"{where}/quarantine").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    post_form(client, f"{where}/quarantine", **(fields | {"reason": "looks forged"}))
    db.session.refresh(signature)
    assert (signature.state, get_count(petition).confirmed) == ("quarantined", 0)
    page = client.get(f"{where}/release").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    post_form(client, f"{where}/release", **(fields | {"reason": "is genuine"}))
    db.session.refresh(signature)
    assert (signature.state, get_count(petition).confirmed) == ("confirmed", 1)


def test_a_replay_of_the_journal_ends_what_is_quarantined(app):
    petition = make_petition()
    signature = held(petition)
    for statement in (journal_queries.WITHDRAW_SQL, journal_queries.DISOWN_SQL):
        at = db.session.scalar(text("SELECT now() + interval '1 minute'"))
        rows = db.session.execute(statement, {"ids": [signature.id], "times": [at]}).all()
        assert [row.state for row in rows] == ["quarantined"]
        db.session.rollback()
