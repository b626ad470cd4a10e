"""Signatures for a token: those that may be passed on; search, show and act as on the desk; signing for a form."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_form, make_petition, make_signature

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.signatures.cli import signatures
from petition.signatures.models import Signature
from petition.team.models import AuditEvent

PASSED_ON = "/api/v1/petitions/jardin/signatures"
SEARCH = "/api/v1/signatures/search"


@pytest.fixture
def petition(app):
    return make_petition(passes_on_to="Les voisins solidaires")


def make_some(petition):
    """Return two that may be passed on, then three that may not."""
    may = [make_signature(petition, email=f"{n}@example.org", state="confirmed", passed_on=True) for n in "ab"]
    make_signature(petition, email="c@example.org", state="confirmed")
    make_signature(petition, email="d@example.org", passed_on=True)
    make_signature(make_petition(slug="autre"), email="e@example.org", state="confirmed", passed_on=True)
    return may


def test_only_those_who_agreed_are_listed(client, petition):
    may = make_some(petition)
    _, headers = make_token("signatures:read")
    first = client.get(f"{PASSED_ON}?limit=1", headers=headers).json
    second = client.get(f"{PASSED_ON}?limit=1&before={first['next']}", headers=headers).json
    assert [item["id"] for item in first["items"] + second["items"]] == [may[1].id, may[0].id]
    assert first["items"][0]["email"] == "b@example.org"
    assert second["next"] is None
    assert db.session.query(AuditEvent).filter_by(action="signatures.read").count() == 2


def test_a_token_that_reads_finds_nothing_else(client, petition):
    signature = make_signature(petition)
    _, headers = make_token("signatures:read")
    assert client.post(SEARCH, headers=headers, json={}).status_code == 403
    assert client.get(f"/api/v1/signatures/{signature.id}", headers=headers).status_code == 403


def test_search_finds_what_the_desk_finds_and_leaves_no_name_in_the_trail(client, petition):
    make_some(petition)
    _, headers = make_token("signatures:manage")
    found = client.post(SEARCH, headers=headers, json={"email": "a@example.org"}).json
    assert (found["number"], found["items"][0]["email"], found["next"]) == (1, "a@example.org", None)
    assert client.post(SEARCH, headers=headers, json={"petition": "jardin"}).json["number"] == 4
    assert client.post(SEARCH, headers=headers, json={"state": "none"}).status_code == 422
    assert client.post(SEARCH, headers=headers, json={"network": "nowhere"}).status_code == 422
    [event, *_] = db.session.query(AuditEvent).filter_by(action="signature.searched").order_by(AuditEvent.id)
    assert event.actor == "api@example.org (API: A program)"
    assert "a@example.org" not in json.dumps(event.after)


def test_an_act_is_the_desks_and_on_the_record(client, petition):
    signature = make_signature(petition, state="confirmed")
    _, headers = make_token("signatures:manage")
    path = f"/api/v1/signatures/{signature.id}"
    shown = client.get(path, headers=headers).json
    assert "invalidate" in shown["actions"]
    answer = client.post(f"{path}/actions", headers=headers, json={"action": "invalidate"})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["reason"])
    act = {"action": "invalidate", "reason": "signed by a machine"}
    answer = client.post(f"{path}/actions", headers=headers, json=act)
    assert (answer.status_code, answer.json["state"]) == (200, "invalidated")
    assert answer.json["actions"][0] == "reinstate"
    assert client.post(f"{path}/actions", headers=headers, json=act).status_code == 409
    event = db.session.query(AuditEvent).filter_by(action="signature.invalidated").one()
    assert event.actor == "api@example.org (API: A program)"
    erased = client.post(f"{path}/actions", headers=headers, json={"action": "erase", "reason": "asked by letter"})
    assert erased.status_code == 200
    assert client.get(path, headers=headers).status_code == 404


def test_the_commands_say_the_same(app, client, petition):
    signature = make_signature(petition, state="confirmed")
    _, headers = make_token("signatures:manage")
    shown = client.get(f"/api/v1/signatures/{signature.id}?lang=en", headers=headers).json
    arguments = ["show", str(signature.id), "--json"]
    printed = CliRunner().invoke(signatures, arguments, obj=AppProvider(lambda: nullcontext(app)))
    said = json.loads(printed.output)
    assert {name: shown[name] for name in said if name != "history"} == {
        name: value for name, value in said.items() if name != "history"
    }
    assert len(said["history"]) == len(shown["history"])
    assert {key for event in shown["history"] for key in event} == {"at", "what", "detail"}


def test_a_token_for_one_petition_reaches_no_other(client, petition):
    other = make_signature(make_petition(slug="autre"), state="confirmed", email="lea@example.org")
    _, headers = make_token("signatures:manage", petition=petition)
    assert client.get(f"/api/v1/signatures/{other.id}", headers=headers).status_code == 403
    answer = client.post(f"/api/v1/signatures/{other.id}/actions", headers=headers, json={"action": "resend"})
    assert answer.status_code == 403
    assert client.post(SEARCH, headers=headers, json={}).status_code == 422
    assert client.post(SEARCH, headers=headers, json={"petition": "autre"}).status_code == 403
    assert client.post(SEARCH, headers=headers, json={"petition": "jardin"}).json["number"] == 0


def test_a_form_signs_with_a_token_under_its_limits(client, petition, app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_SIGN_LIMIT", ["1/minute"])
    _, headers = make_token("signatures:write")
    for name in "abc":
        form = make_form(email=f"{name}@example.org", passed_on=True)
        assert client.post(PASSED_ON, headers=headers, json=form).status_code == 202
    assert {(row.passed_on, row.network, row.state) for row in db.session.query(Signature)} == {(True, None, "pending")}
    _, readers = make_token("signatures:read", email="other@example.org")
    assert client.post(PASSED_ON, headers=readers, json=make_form()).status_code == 403
    wrong = {"Authorization": "Bearer petition_" + "x" * 43}
    assert client.post(PASSED_ON, headers=wrong, json=make_form()).status_code == 401
