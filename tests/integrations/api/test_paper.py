"""Signatures on paper for a token: a line counts at once, a file is read, added, stopped, undone or discarded."""

import json
from contextlib import nullcontext

from click.testing import CliRunner
from support.api_tokens import make_token
from support.factories import make_petition

from petition.bulk_actions import runner
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.petitions.cli import petitions
from petition.petitions.counters import get_count
from petition.petitions.paper.models import PaperImport
from petition.team.models import AuditEvent

PATH = "/api/v1/desk/petitions/jardin/paper"
FILE = "Nom;Ville;Date\nZoé Martin;Lyon;28/09/2022\n;Paris;29/09/2022\nAda Roux;Nantes;30/09/2022\n"


def upload(client, headers, content=FILE, **query):
    return client.post(
        f"{PATH}/imports", headers=headers, query_string=query, data=content.encode(), content_type="text/csv"
    )


def step(client, headers, number, name, **more):
    return client.post(f"{PATH}/imports/{number}/steps", headers=headers, json={"step": name, **more})


def test_a_line_counts_at_once_and_once(client):
    petition = make_petition()
    _, headers = make_token("signatures:manage")
    line = {"name": "Zoé Martin", "city": "Lyon", "signed_on": "2022-09-28"}
    made = client.post(f"{PATH}/lines", headers=headers, json=line)
    assert (made.status_code, made.json["added"]) == (201, 1)
    assert get_count(petition).paper == 1
    for wrong, field in ((line, "name"), (line | {"name": ""}, "name"), (line | {"signed_on": "soon"}, "signed_on")):
        answer = client.post(f"{PATH}/lines", headers=headers, json=wrong)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field]), wrong
    assert get_count(petition).paper == 1


def test_a_file_is_read_added_and_undone(client):
    petition = make_petition()
    _, headers = make_token("signatures:manage")
    made = upload(client, headers, file_name="marché.csv")
    assert made.status_code == 201, made.json
    assert (made.json["state"], made.json["waiting"], made.json["file_name"]) == ("draft", 2, "marché.csv")
    assert [(problem["line"], problem["kind"]) for problem in made.json["problems"]] == [(3, "name")]
    assert made.json["problems"][0]["message"]
    number = made.json["id"]
    assert get_count(petition).paper == 0
    assert step(client, headers, number, "undo").status_code == 409
    assert step(client, headers, number, "add").json["action"]["state"] == "running"
    assert step(client, headers, number, "add").status_code == 409
    assert step(client, headers, number, "stop").json["action"]["state"] == "stopped"
    assert step(client, headers, number, "stop").status_code == 409
    assert step(client, headers, number, "resume").json["action"]["state"] == "running"
    runner.run_all()
    shown = client.get(f"{PATH}/imports/{number}", headers=headers).json
    assert (shown["state"], shown["added"], shown["action"]["state"]) == ("done", 2, "done")
    assert step(client, headers, number, "discard").status_code == 409
    page = client.get(f"{PATH}/imports/{number}/signatures", headers=headers).json
    assert [row["name"] for row in page["items"]] == ["Zoé Martin", "Ada Roux"]
    one = f"{PATH}/imports/{number}/signatures/{page['items'][0]['id']}"
    assert client.delete(one, headers=headers).status_code == 204
    assert client.delete(one, headers=headers).status_code == 404
    db.session.expire_all()
    assert get_count(petition).paper == 1
    assert step(client, headers, number, "undo").status_code == 200
    runner.run_all()
    db.session.expire_all()
    assert get_count(petition).paper == 0
    assert [row["state"] for row in client.get(f"{PATH}/imports", headers=headers).json] == ["undone"]
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions[1:] == [f"paper.{done}" for done in ("added", "stopped", "resumed", "struck", "undone")]


def test_what_a_draft_asks_is_answered_or_it_is_discarded(client):
    make_petition()
    _, headers = make_token("signatures:manage")
    asked = upload(client, headers, "Nom;Date\nZoé Martin;03/04/2022\n").json
    assert (asked["state"], asked["date_example"]) == ("question", "03/04/2022")
    assert step(client, headers, asked["id"], "dates").status_code == 422
    assert step(client, headers, asked["id"], "dates", order="day").json["state"] == "draft"
    assert step(client, headers, asked["id"], "columns", columns=["city"]).status_code == 422
    again = step(client, headers, asked["id"], "columns", columns=["full_name", ""])
    assert (again.status_code, again.json["columns"][1]["field"]) == (200, None)
    assert step(client, headers, asked["id"], "discard").status_code == 200
    assert db.session.query(PaperImport).count() == 0
    assert step(client, headers, asked["id"], "discard").status_code == 404


def test_what_is_no_list_is_refused(client):
    make_petition()
    _, headers = make_token("signatures:manage")
    for content in ("", "%PDF-1.7", "nothing of the kind"):
        answer = upload(client, headers, content)
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["file"]), content
    assert upload(client, headers, "Nom\n" + "x" * 5_300_000).status_code == 413
    _, foreign = make_token("signatures:manage", petition=make_petition(slug="autre"), email="other@example.org")
    assert upload(client, foreign).status_code == 403
    assert client.get(f"{PATH}/imports", headers=foreign).status_code == 403


def test_the_commands_say_the_same(app, client, tmp_path):
    make_petition()
    _, headers = make_token("signatures:manage")
    file = tmp_path / "list.csv"
    file.write_text(FILE)
    provider = AppProvider(lambda: nullcontext(app))
    given = ["import-paper", "jardin", str(file), "--yes", "--json"]
    said = json.loads(CliRunner().invoke(petitions, given, obj=provider).stdout)
    [made] = client.get(f"{PATH}/imports", headers=headers).json
    assert client.get(f"{PATH}/imports/{made['id']}", headers=headers).json["action"] == said
