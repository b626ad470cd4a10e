"""Bulk actions on signatures for a token: nothing changes before the start, the number is exact, all can be undone."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_petition, make_signature

from petition.bulk_actions import runner
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.petitions.counters import get_count
from petition.signatures.cli import signatures
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.team.models import AuditEvent

PATH = "/api/v1/signatures/bulk-actions"
INVALIDATE = {"verb": "invalidate", "reason": "a machine", "filter": {"petition": "jardin", "domain": "bots.example"}}


@pytest.fixture
def petition(app):
    petition = make_petition()
    for n in range(3):
        confirm_signature(make_signature(petition, email=f"bot{n}@bots.example"))
    confirm_signature(make_signature(petition, email="zoe@example.org"))
    db.session.commit()
    return petition


def states():
    db.session.expire_all()
    return [row.state for row in db.session.query(Signature).order_by(Signature.id)]


def step(client, headers, number, name, **more):
    return client.post(f"{PATH}/{number}/steps", headers=headers, json={"step": name, **more})


def test_signatures_are_invalidated_and_reinstated_by_a_filter(client, petition):
    _, headers = make_token("signatures:manage")
    made = client.post(PATH, headers=headers, json=INVALIDATE)
    assert (made.status_code, made.json["state"], made.json["total"]) == (201, "draft", 3)
    assert states() == ["confirmed"] * 4
    assert client.get(PATH, headers=headers).json == [], "only what was started is listed"
    number = made.json["action"]
    assert step(client, headers, number, "start", total=2).status_code == 409
    assert step(client, headers, number, "start", total=3).json["state"] == "running"
    runner.run_all()
    shown = client.get(f"{PATH}/{number}", headers=headers).json
    assert (shown["state"], shown["done"], shown["left"]) == ("done", 3, 0)
    assert states() == ["invalidated"] * 3 + ["confirmed"]
    assert get_count(petition).people == 1
    assert step(client, headers, number, "start").status_code == 409
    undo = step(client, headers, number, "undo").json
    assert (undo["verb"], undo["state"], undo["total"], undo["undoes"]) == ("reinstate", "draft", 3, number)
    step(client, headers, undo["action"], "start")
    runner.run_all()
    assert states() == ["confirmed"] * 4
    assert [row["action"] for row in client.get(PATH, headers=headers).json] == [undo["action"], number]
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions == ["token.created", "signatures.invalidate", "signatures.reinstate"]


def test_one_is_stopped_and_goes_on(client, petition):
    _, headers = make_token("signatures:manage")
    number = client.post(PATH, headers=headers, json=INVALIDATE).json["action"]
    step(client, headers, number, "start")
    assert step(client, headers, number, "stop").json["state"] == "stopped"
    assert step(client, headers, number, "start").json["state"] == "running"
    assert step(client, headers, number, "undo").status_code == 409


def test_what_is_missing_or_matches_nothing_is_said(client, petition):
    _, headers = make_token("signatures:manage")
    for change, field in (
        ({"reason": " "}, "reason"), ({"reason": "zoe@example.org asked"}, "reason"), ({"filter": {}}, "filter"),
        ({"filter": {"name": ""}}, "filter"), ({"filter": {"what": "x"}}, "filter"), ({"verb": "erase"}, "verb"),
        ({"filter": {"petition": "jardin", "domain": "none.example"}}, "filter"),
    ):  # fmt: skip
        answer = client.post(PATH, headers=headers, json=INVALIDATE | change)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field]), change
    assert states() == ["confirmed"] * 4


def test_a_token_for_one_petition_acts_on_its_signatures_alone(client, petition):
    other = make_petition(slug="autre")
    confirm_signature(make_signature(other, email="bot@bots.example"))
    db.session.commit()
    _, everywhere = make_token("signatures:manage")
    _, headers = make_token("signatures:manage", petition=other, email="other@example.org")
    anywhere = {"filter": {"domain": "bots.example"}}
    assert client.post(PATH, headers=headers, json=INVALIDATE).status_code == 403
    assert client.post(PATH, headers=headers, json=INVALIDATE | anywhere).status_code == 422
    foreign = client.post(PATH, headers=everywhere, json=INVALIDATE).json["action"]
    general = client.post(PATH, headers=everywhere, json=INVALIDATE | anywhere).json["action"]
    for number in (foreign, general):
        assert client.get(f"{PATH}/{number}", headers=headers).status_code == 403
        assert step(client, headers, number, "start").status_code == 403
        step(client, everywhere, number, "start")
    assert client.get(PATH, headers=headers).json == []
    assert len(client.get(PATH, headers=everywhere).json) == 2


def test_the_commands_say_the_same(app, client, petition):
    _, headers = make_token("signatures:manage")
    provider = AppProvider(lambda: nullcontext(app))
    given = ["invalidate", "--domain", "bots.example", "--reason", "a machine", "--yes", "--json"]
    said = json.loads(CliRunner().invoke(signatures, given, obj=provider).stdout)
    shown = client.get(f"{PATH}/{said['action']}", headers=headers).json
    assert said == {name: shown[name] for name in said}
    assert (said["done"], said["state"]) == (3, "done")
