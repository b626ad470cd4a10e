"""Petitions for a token: written, opened and closed as on the desk."""

import json
from contextlib import nullcontext
from datetime import timedelta

from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_petition

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.petitions.cli import petitions
from petition.team.models import AuditEvent

PATH = "/api/v1/desk/petitions"


def test_a_petition_is_created_changed_and_archived(client):
    _, headers = make_token("petitions:manage")
    fields = {"fr.title": "Pour un banc", "sender_name": "Les voisins"}
    draft = client.post(PATH, headers=headers, json={"fields": fields})
    assert (draft.status_code, draft.json["slug"], draft.json["state"]) == (201, "pour-un-banc", "draft")
    assert draft.json["fields"]["fr.title"] == "Pour un banc"
    path = f"{PATH}/{draft.json['slug']}"
    incomplete = client.post(f"{path}/state", headers=headers, json={"change": "open"})
    assert incomplete.status_code == 409
    assert "fr.summary" in incomplete.json["errors"]
    more = {"fr.summary": "Un banc.", "fr.body": "Un banc.", "fr.addressee": "la maire"}
    change = {"version": draft.json["version"], "fields": more}
    changed = client.patch(path, headers=headers, json=change)
    assert (changed.status_code, changed.json["fields"]["fr.summary"]) == (200, "Un banc.")
    assert changed.json["fields"]["fr.title"] == "Pour un banc"
    assert client.patch(path, headers=headers, json=change).status_code == 409
    for wanted, state in (("open", "open"), ("close", "closed"), ("archive", "archived")):
        answer = client.post(f"{path}/state", headers=headers, json={"change": wanted})
        assert (answer.status_code, answer.json["state"]) == (200, state), answer.json
    assert client.post(f"{path}/state", headers=headers, json={"change": "close"}).status_code == 409
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions[1:] == ["petition.created", "petition.changed", *["petition.state"] * 3]


def test_what_is_wrong_is_said_by_field(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    answer = client.post(PATH, headers=headers, json={"fields": {"fr.title": "x", "nothing": "x"}})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["nothing"])
    page = client.get(f"{PATH}/jardin", headers=headers).json
    change = {"version": page["version"], "fields": {"timezone": "Nowhere"}}
    answer = client.patch(f"{PATH}/jardin", headers=headers, json=change)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["timezone"])
    assert client.get(f"{PATH}/none", headers=headers).status_code == 404


def test_a_change_without_an_opening_date_keeps_the_opening(client):
    """A petition that opened at its date would be a draft again without it, and its signatures out of sight."""
    opened = clock.now().replace(second=0, microsecond=0) - timedelta(days=1)
    make_petition(state="draft", opens_at=opened)
    _, headers = make_token("petitions:manage")
    path = f"{PATH}/jardin"
    read = client.get(path, headers=headers).json
    for fields in ({"fr.summary": "Un banc."}, read["fields"] | {"opens": "", "fr.summary": "Deux bancs."}):
        version = client.get(path, headers=headers).json["version"]
        changed = client.patch(path, headers=headers, json={"version": version, "fields": fields})
        assert (changed.status_code, changed.json["state"]) == (200, "open")
        assert changed.json["fields"]["opens"] == read["fields"]["opens"]
        assert changed.json["fields"]["fr.summary"] == fields["fr.summary"]
    later = {"version": changed.json["version"], "fields": {"opens": "2099-01-01T10:00"}}
    refused = client.patch(path, headers=headers, json=later)
    assert (refused.status_code, list(refused.json["errors"])) == (409, ["opens"])
    assert client.get("/p/jardin").status_code == 200


def test_a_token_for_one_petition_sees_that_one_and_creates_none(client):
    garden = make_petition()
    make_petition(slug="autre", state="draft")
    _, headers = make_token("petitions:manage", petition=garden)
    assert [one["slug"] for one in client.get(PATH, headers=headers).json] == ["jardin"]
    assert client.get(f"{PATH}/autre", headers=headers).status_code == 403
    assert client.post(PATH, headers=headers, json={"fields": {"fr.title": "x"}}).status_code == 403


def test_the_commands_say_the_same(app, client):
    make_petition()
    _, headers = make_token("petitions:manage")
    provider = AppProvider(lambda: nullcontext(app))
    for path, arguments in ((PATH, ["list", "--json"]), (f"{PATH}/jardin", ["show", "jardin", "--json"])):
        said = json.loads(CliRunner().invoke(petitions, arguments, obj=provider).output)
        assert client.get(path, headers=headers).json == said
