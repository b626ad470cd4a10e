"""Mailings for a token: written, tested, scheduled, cancelled as on the desk; the report is the command's."""

import json
from contextlib import nullcontext

from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_account, make_mailing, make_petition, make_signature

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.ids import MAX_ID
from petition.delivery.worker import run_queue
from petition.mailings.cli import mailings
from petition.mailings.models import Mailing, MailingTest
from petition.petitions.partners.models import Partner
from petition.team.models import TeamRole

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
    assert shown == said
    listed = json.loads(CliRunner().invoke(mailings, ["list", "--json"], obj=provider).output)
    assert client.get(PATH, headers=headers).json == listed


def test_a_draft_is_changed_and_tested_again(client):
    make_signature(make_petition(), state="confirmed", updates=True)
    _, headers = make_token("mailings:manage")
    number = client.post(PATH, headers=headers, json=DRAFT).json["id"]
    path = f"{PATH}/{number}"
    client.post(f"{path}/actions", headers=headers, json={"action": "test"})
    read = client.get(f"{path}/draft", headers=headers).json
    assert (read["petitions"], read["texts"]["fr"]["body"], read["tested"]) == (["jardin"], "Merci à vous.", True)
    english = {"subject": "Hello", "body": "Thank you."}
    change = {"version": read["version"], "name": "More news", "texts": {"en": english},
              "settings": {"per_hour": 100, "languages": ["fr", "en"], "party": "person"}}  # fmt: skip
    changed = client.patch(f"{path}/draft", headers=headers, json=change)
    assert changed.status_code == 200, changed.json
    assert (changed.json["name"], sorted(changed.json["texts"])) == ("More news", ["en", "fr"])
    assert (changed.json["state"], changed.json["tested"]) == ("draft", False)
    settings = changed.json["settings"]
    assert (settings["per_hour"], sorted(settings["languages"]), settings["party"]) == (100, ["en", "fr"], "person")
    assert settings["undo_minutes"] == read["settings"]["undo_minutes"]
    assert client.patch(f"{path}/draft", headers=headers, json=change).status_code == 409
    removed = {"version": changed.json["version"], "texts": {"en": None}}
    assert list(client.patch(f"{path}/draft", headers=headers, json=removed).json["texts"]) == ["fr"]
    # What was read is what can be written.
    same = client.get(f"{path}/draft", headers=headers).json
    again = {name: same[name] for name in ("version", "name", "petitions", "texts", "settings")}
    written = client.patch(f"{path}/draft", headers=headers, json=again)
    assert (written.status_code, written.json) == (200, same)


def test_what_a_change_says_wrong_is_said_and_changes_nothing(client):
    mailing = make_mailing(make_petition())
    _, headers = make_token("mailings:manage")
    path = f"{PATH}/{mailing.id}/draft"
    before = client.get(path, headers=headers).json
    version = {"version": before["version"]}
    for change, field in (
        ({"settings": {"per_hours": "5"}}, "settings"), ({"settings": {"per_hour": "many"}}, "per_hour"),
        ({"settings": {"per_hour": {"a": 1}}}, "settings"), ({"texts": {"xx": None}}, "texts"),
        ({"texts": {"fr": {"subject": "", "body": "x"}}}, "subject_fr"), ({"petitions": ["none"]}, "petitions"),
        ({"settings": {"partner": "3"}}, "partner"), ({"version": "x"}, "version"), ({"what": 1}, "what"),
    ):  # fmt: skip
        answer = client.patch(path, headers=headers, json=version | change)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field]), change
    assert client.get(path, headers=headers).json == before


def test_a_mailing_is_previewed_without_a_signer_and_copied(client):
    petition = make_petition()
    make_signature(petition, state="confirmed", updates=True, name="Zoé Martin")
    mailing = make_mailing(petition, texts={"fr": {"subject": "Pour {{ name }}", "body": "Bonjour {{ name }}."}})
    _, headers = make_token("mailings:manage")
    shown = client.get(f"{PATH}/{mailing.id}/preview?language=fr", headers=headers).json
    assert shown["subject"] == "Pour Camille Exemple"
    assert "Zoé" not in str(shown)
    assert client.get(f"{PATH}/{mailing.id}/preview?language=en", headers=headers).status_code == 422
    copy = client.post(f"{PATH}/{mailing.id}/copies", headers=headers)
    assert (copy.status_code, copy.json["state"]) == (201, "draft")
    assert copy.json["id"] != mailing.id


def test_a_test_goes_to_members_of_the_team_alone(client):
    mailing = make_mailing(make_petition())
    colleague = make_account(email="colleague@example.org", role_names=[TeamRole.SENDER])
    colleague.last_sign_in_at = clock.now()
    db.session.commit()
    _, headers = make_token("mailings:manage")
    path = f"{PATH}/{mailing.id}/actions"
    for address in ("stranger@example.org", ""):
        answer = client.post(path, headers=headers, json={"action": "test", "to": [address]})
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["to"])
    assert client.post(path, headers=headers, json={"action": "test", "to": [colleague.email]}).status_code == 200
    assert {test.account_id for test in db.session.query(MailingTest)} == {colleague.id}
    stale = {"action": "cancel", "version": mailing.version + 1}
    assert client.post(path, headers=headers, json=stale).status_code == 409


def test_a_partners_mailing_can_be_stopped_and_not_written_or_sent(client):
    partner = Partner(name="Les voisins", key="voisins")
    db.session.add(partner)
    db.session.flush()
    mailing = make_mailing(make_petition(), partner_id=partner.id)
    db.session.commit()
    _, headers = make_token("mailings:manage")
    path = f"{PATH}/{mailing.id}"
    change = {"version": mailing.version, "name": "Ours"}
    assert client.patch(f"{path}/draft", headers=headers, json=change).status_code == 409
    assert client.post(f"{path}/copies", headers=headers).status_code == 409
    for action in ("test", "schedule", "resume", "retry", "add-recipients"):
        answer = client.post(f"{path}/actions", headers=headers, json={"action": action})
        assert (answer.status_code, list(answer.json["errors"])) == (409, ["partner"]), action
    assert client.post(f"{path}/actions", headers=headers, json={"action": "cancel"}).json["state"] == "cancelled"


def test_mailings_are_listed_page_by_page(client, monkeypatch):
    monkeypatch.setattr("petition.integrations.api.mailings.MAX_LISTED", 2)
    garden, other = make_petition(), make_petition(slug="autre")
    mine = [make_mailing(garden).id for _ in range(3)]
    for _ in range(3):
        make_mailing(other)
    _, headers = make_token("mailings:manage", petition=garden)
    first = client.get(PATH, headers=headers).json
    assert [row["id"] for row in first] == mine[:0:-1], "those of other petitions take no place"
    rest = client.get(f"{PATH}?before={first[-1]['id']}", headers=headers).json
    assert [row["id"] for row in rest] == mine[:1]
    assert client.get(f"{PATH}?before={MAX_ID + 1}", headers=headers).status_code == 422


def test_a_token_for_one_petition_sees_its_mailings_alone(client):
    garden, other = make_petition(), make_petition(slug="autre")
    make_mailing(garden)
    foreign = make_mailing(other)
    _, headers = make_token("mailings:manage", petition=garden)
    assert len(client.get(PATH, headers=headers).json) == 1
    assert client.get(f"{PATH}/{foreign.id}", headers=headers).status_code == 403
    assert client.post(PATH, headers=headers, json=DRAFT | {"petitions": ["autre"]}).status_code == 403
