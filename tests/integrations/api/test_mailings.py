"""Mailings for a token: written, tested, scheduled, cancelled as on the desk; the report is the command's."""

import json
from contextlib import nullcontext

from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_mailing, make_petition, make_signature

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.mailings.cli import mailings
from petition.mailings.models import Mailing

PATH = "/api/v1/mailings"
DRAFT = {"name": "News", "petitions": ["jardin"], "texts": {"fr": {"subject": "Bonjour", "body": "Merci à vous."}}}


def test_a_mailing_from_its_draft_to_its_end(client, sent_emails):
    make_signature(make_petition(), state="confirmed", updates=True)
    _, headers = make_token("mailings:manage")
    draft = client.post(PATH, headers=headers, json=DRAFT)
    assert (draft.status_code, draft.json["state"], draft.json["audience"]["recipients"]) == (201, "draft", 1)
    path = f"{PATH}/{draft.json['id']}/actions"
    assert client.post(path, headers=headers, json={"action": "schedule"}).status_code == 409
    assert client.post(path, headers=headers, json={"action": "test"}).json["state"] == "tested"
    run_queue("notifications")
    scheduled = client.post(path, headers=headers, json={"action": "schedule"})
    assert (scheduled.status_code, scheduled.json["state"]) == (200, "scheduled"), scheduled.json
    assert scheduled.json["send_at"]
    assert client.post(path, headers=headers, json={"action": "unschedule"}).json["state"] == "tested"
    assert (
        client.post(path, headers=headers, json={"action": "cancel", "reason": "not now"}).json["state"] == "cancelled"
    )
    assert client.post(path, headers=headers, json={"action": "pause"}).status_code == 409


def test_what_is_wrong_is_said_by_field(client):
    make_petition()
    _, headers = make_token("mailings:manage")
    answer = client.post(PATH, headers=headers, json=DRAFT | {"petitions": ["none"]})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["petitions"])
    answer = client.post(PATH, headers=headers, json=DRAFT | {"texts": {"fr": {"subject": "{{ x", "body": "y"}}})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["subject_fr"])
    assert db.session.query(Mailing).count() == 0


def test_the_commands_say_the_same(app, client):
    mailing = make_mailing(make_petition())
    _, headers = make_token("mailings:manage")
    shown = client.get(f"{PATH}/{mailing.id}", headers=headers).json
    provider = AppProvider(lambda: nullcontext(app))
    said = json.loads(CliRunner().invoke(mailings, ["report", str(mailing.id), "--json"], obj=provider).output)
    assert shown == {name: said[name] for name in shown}
    listed = json.loads(CliRunner().invoke(mailings, ["list", "--json"], obj=provider).output)
    assert client.get(PATH, headers=headers).json == listed


def test_a_token_for_one_petition_sees_its_mailings_alone(client):
    garden, other = make_petition(), make_petition(slug="autre")
    make_mailing(garden)
    foreign = make_mailing(other)
    _, headers = make_token("mailings:manage", petition=garden)
    assert len(client.get(PATH, headers=headers).json) == 1
    assert client.get(f"{PATH}/{foreign.id}", headers=headers).status_code == 403
    assert client.post(PATH, headers=headers, json=DRAFT | {"petitions": ["autre"]}).status_code == 403
