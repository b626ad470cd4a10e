"""Bulk invalidation of what a search finds: previewed, run in batches, stopped, and undone exactly."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from flask import current_app
from sqlalchemy import text
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.signatures.cli import signatures
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.search.filters import Filter
from petition.signatures.staff.invalidate import (
    invalidate,
    prepare_bulk_invalidation,
    prepare_bulk_reinstatement,
    reinstate,
)
from petition.team.models import AuditEvent


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner", name="Alix")


@pytest.fixture
def flood(app):
    """Five confirmed and two pending from one provider, one of them an organisation; one confirmed from another."""
    petition = make_petition()
    for number in range(7):
        party = {"party": "organisation", "organisation": "Bots"} if number == 4 else {}
        signature = make_signature(petition, email=f"s{number}@flood.example", **party)
        if number < 5:
            confirm_signature(signature)
    confirm_signature(make_signature(petition, email="real@example.org"))
    db.session.commit()
    return petition


def command(group, *arguments, answer=None):
    app_context = nullcontext(current_app._get_current_object())
    return CliRunner().invoke(group, list(arguments), obj=AppProvider(lambda: app_context), input=answer)


def states():
    db.session.expire_all()
    return {s.email.partition("@")[0]: s.state for s in db.session.query(Signature)}


def assert_counts_equal_rows(petition):
    count = get_count(petition)
    rows = db.session.query(Signature).filter_by(petition_id=petition.id, state="confirmed")
    assert (count.people, count.organisations) == (
        rows.filter_by(party="person").count(),
        rows.filter_by(party="organisation").count(),
    )
    return count.confirmed


def start_bulk_invalidation(**filters):
    bulk_action = prepare_bulk_invalidation(Filter(**filters), "made up", "test")
    runner.start(bulk_action)
    db.session.commit()
    return bulk_action


def test_signatures_are_previewed_then_invalidated_then_reinstated(client, campaigner, flood):
    search = post_form(client, "/desk/signatures/", domain="flood.example").headers["Location"]
    assert "Invalidate all results" in client.get(search + "?lang=en").text
    assert client.get(search + "/invalidate").status_code == 200
    assert post_form(client, search + "/invalidate").status_code == 422, "a reason is required"
    path = post_form(client, search + "/invalidate", reason="a flood").headers["Location"]
    page = client.get(path + "?lang=en").text
    assert "7 signatures will be invalidated" in page
    assert "s0@flood.example" in page
    assert set(states().values()) == {"confirmed", "pending"}, "the preview changes nothing"
    post_form(client, path + "/start")
    runner.run_all()
    assert [name for name, state in states().items() if state != "invalidated"] == ["real"]
    assert assert_counts_equal_rows(flood) == 1
    signature = db.session.query(Signature).filter_by(email="s0@flood.example").one()
    history = client.get(f"/desk/signatures/{signature.id}?lang=en").text
    assert "Alix invalidated it with others" in history
    assert "a flood" in history
    back = post_form(client, path + "/undo").headers["Location"]
    assert "7 signatures will be as they were" in client.get(back + "?lang=en").text
    post_form(client, back + "/start")
    runner.run_all()
    assert sorted(states().values()) == ["confirmed"] * 6 + ["pending"] * 2
    assert assert_counts_equal_rows(flood) == 6
    assert reconcile() == [], "counters and statistics followed every batch"
    assert "Undone by:" in client.get(path + "?lang=en").text
    record = db.session.query(AuditEvent).filter_by(action="signatures.invalidate").one()
    assert record.after == {"filter": {"domain": "flood.example"}, "reason": "a flood", "undoes": None}
    assert client.get("/desk/signatures/runs/").status_code == 200


def test_rows_changed_after_preview_are_skipped(flood):
    bulk_action = start_bulk_invalidation(domain="flood.example")
    late = make_signature(flood, email="late@flood.example")
    pending = db.session.query(Signature).filter_by(email="s5@flood.example").one()
    confirm_signature(pending)
    db.session.commit()
    list(runner.run_batches(bulk_action.id))
    assert (bulk_action.state, bulk_action.total, bulk_action.done, bulk_action.skipped) == ("done", 7, 6, 1)
    assert states()["s5"] == "confirmed"
    assert late.state == "pending"
    assert assert_counts_equal_rows(flood) == 2


def test_undo_reinstates_only_rows_still_invalidated_by_that_action(flood):
    bulk_action = start_bulk_invalidation(domain="flood.example")
    list(runner.run_batches(bulk_action.id))
    rows = {s.email[:2]: s for s in db.session.query(Signature)}
    # One is reinstated separately, one is reinstated and invalidated again.
    for name in ("s0", "s1"):
        reinstate(rows[name])
    db.session.commit()
    invalidate(rows["s1"])
    db.session.commit()
    undo = prepare_bulk_reinstatement(bulk_action, "test")
    assert undo.total == 5
    runner.start(undo)
    db.session.commit()
    # One more changes after the undo was prepared.
    reinstate(rows["s2"])
    db.session.commit()
    invalidate(rows["s2"])
    db.session.commit()
    list(runner.run_batches(undo.id))
    assert (undo.done, undo.skipped) == (4, 1)
    found = states()
    assert (found["s0"], found["s1"], found["s2"], found["s3"]) == (
        "confirmed",
        "invalidated",
        "invalidated",
        "confirmed",
    )
    assert assert_counts_equal_rows(flood) == 1 + 3


def test_a_bulk_action_is_stopped_resumed_and_undone_as_far_as_it_came(client, campaigner, flood, monkeypatch):
    monkeypatch.setattr(runner, "BATCH_SIZE", 2)
    bulk_action = start_bulk_invalidation(domain="flood.example")
    next(runner.run_batches(bulk_action.id))
    path = f"/desk/signatures/runs/{bulk_action.id}"
    post_form(client, path + "/undo")
    assert db.session.query(BulkAction).count() == 1, "not while it runs"
    post_form(client, path + "/stop")
    assert list(runner.run_batches(bulk_action.id)) == []
    assert list(states().values()).count("invalidated") == 2
    assert assert_counts_equal_rows(flood) == 4
    assert "Not reached" in client.get(path + "?lang=en").text
    post_form(client, path + "/start")
    list(runner.run_batches(bulk_action.id))
    assert list(states().values()).count("invalidated") == 7
    undo = prepare_bulk_reinstatement(bulk_action, "test")
    runner.start(undo)
    db.session.commit()
    assert post_form(client, path + "/start").status_code == 303
    db.session.expire_all()
    assert bulk_action.state == "done"
    list(runner.run_batches(undo.id))
    assert assert_counts_equal_rows(flood) == 6


def test_nothing_and_too_many_are_refused(client, campaigner, flood, monkeypatch):
    search = post_form(client, "/desk/signatures/", state="withdrawn").headers["Location"]
    answer = post_form(client, search + "/invalidate?lang=en", reason="none")
    assert answer.status_code == 422
    assert "nothing to invalidate" in answer.text
    monkeypatch.setattr("petition.signatures.staff.invalidate.MAX_SIGNATURES", 2)
    search = post_form(client, "/desk/signatures/", domain="flood.example").headers["Location"]
    answer = post_form(client, search + "/invalidate?lang=en", reason="a flood")
    assert "narrow the search" in answer.text
    assert db.session.query(BulkActionRow).count() == 0


def test_each_team_sees_only_its_bulk_actions(client, flood):
    bulk_action = start_bulk_invalidation(domain="flood.example")
    sign_in(client, "admin")
    assert client.get(f"/desk/signatures/runs/{bulk_action.id}").status_code == 200
    assert client.get(f"/ops/actions/{bulk_action.id}").status_code == 404
    assert post_form(client, f"/ops/actions/{bulk_action.id}/stop").status_code == 404
    assert client.get("/desk/signatures/runs/99999999999999999999").status_code == 404


def test_searched_name_is_not_stored_with_the_bulk_action(flood):
    bulk_action = start_bulk_invalidation(name="zoé")
    assert bulk_action.filter == {"name": "…"}


@pytest.mark.slow
def test_counters_are_exact_after_thousands_in_batches(app):
    petition = make_petition()
    db.session.execute(
        text("""
        INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates,
                                source, generation, valid_from, confirmed_at, confirmed_no)
        SELECT 1, 'person', 'confirmed', 'Signer', n || '@d.fr', n || '@d.fr', 'fr', true, false, 'page', 1, 1, now(), n
        FROM generate_series(1, 2200) AS n
    """)
    )
    db.session.execute(text("INSERT INTO petition_counts (petition_id, slot, people) VALUES (1, 0, 2200)"))
    db.session.commit()
    bulk_action = start_bulk_invalidation(domain="d.fr")
    assert len(list(runner.run_batches(bulk_action.id))) == 2200 // runner.BATCH_SIZE + 2
    assert assert_counts_equal_rows(petition) == 0
    undo = prepare_bulk_reinstatement(bulk_action, "test")
    runner.start(undo)
    db.session.commit()
    list(runner.run_batches(undo.id))
    assert assert_counts_equal_rows(petition) == 2200


def test_the_commands_preview_ask_invalidate_and_reinstate(flood):
    asked = command(signatures, "invalidate", "--domain", "flood.example", "--reason", "a flood", answer="n\n")
    assert (asked.exit_code, "7 signatures" in asked.output) == (1, True)
    assert assert_counts_equal_rows(flood) == 6
    done = command(
        signatures, "invalidate", "--domain", "flood.example", "--reason", "a flood", "--yes", "--json", answer=""
    )
    result = json.loads(done.output)
    assert (result["state"], result["done"], result["left"]) == ("done", 7, 0)
    assert assert_counts_equal_rows(flood) == 1
    back = command(signatures, "reinstate", str(result["action"]), "--yes", "--json", answer="")
    assert json.loads(back.output)["done"] == 7
    assert assert_counts_equal_rows(flood) == 6
    for wrong in (["invalidate", "--reason", "x"], ["invalidate", "--domain", "no domain", "--reason", "x"]):
        refused = command(signatures, *wrong, answer="")
        assert refused.exit_code == 1
        assert refused.output.startswith("petition: ")


def test_the_commands_list_and_show(flood):
    listed = json.loads(command(signatures, "list", "--domain", "flood.example", "--limit", "3", "--json").output)
    assert (listed["number"], len(listed["items"])) == (7, 3)
    following = command(signatures, "list", "--domain", "flood.example", "--before", str(listed["next"]), "--json")
    assert len(json.loads(following.output)["items"]) == 4
    number = listed["items"][0]["id"]
    shown = json.loads(command(signatures, "show", str(number), "--json").output)
    assert shown["email"] == "s6@flood.example"
    assert shown["history"][0]["what"] == "Signed for the first time (petition page)."
    assert "s6@flood.example" in command(signatures, "show", str(number)).output
    assert "no signature 999" in command(signatures, "show", "999").output
    actions = [event.action for event in db.session.query(AuditEvent)]
    assert (actions.count("signature.searched"), actions.count("signature.viewed")) == (2, 2)
