"""Updates of a petition for a token: written, published, taken back and deleted as on the desk."""

from support.api_tokens import make_token
from support.factories import make_petition

from petition.core.db import db
from petition.petitions.updates.editing import MAX_BODY_CHARACTERS
from petition.petitions.updates.models import PetitionUpdate
from petition.team.models import AuditEvent

PATH = "/api/v1/desk/petitions/jardin/updates"
ANSWER = {
    "kind": "answer", "happened_on": "2022-11-14", "source_url": "https://example.org/answer",
    "texts": {"fr": {"title": "La maire répond", "body": "Nous avons reçu une lettre."}},
}  # fmt: skip


def test_an_answer_is_written_published_taken_back_and_deleted(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    made = client.post(PATH, headers=headers, json=ANSWER)
    assert (made.status_code, made.json["published_at"], made.json["version"]) == (201, None, 1)
    assert "La maire répond" not in client.get("/p/jardin").text
    path = f"{PATH}/{made.json['id']}"
    published = client.patch(path, headers=headers, json={"version": 1, "publish": True})
    assert published.json["published_at"]
    assert "La maire répond" in client.get("/p/jardin").text
    assert client.patch(path, headers=headers, json={"version": 1, "kind": "outcome"}).status_code == 409
    english = {"title": "The mayor answers", "body": "We have a letter."}
    changed = client.patch(path, headers=headers, json={"version": 2, "texts": {"en": english}, "source_url": None})
    assert (sorted(changed.json["texts"]), changed.json["source_url"]) == (["en", "fr"], None)
    assert changed.json["published_at"] == published.json["published_at"]
    less = client.patch(path, headers=headers, json={"version": 3, "texts": {"en": None}})
    assert list(less.json["texts"]) == ["fr"]
    assert client.delete(path, headers=headers).status_code == 409
    assert client.post(f"{path}/take-back", headers=headers).json["published_at"] is None
    assert client.post(f"{path}/take-back", headers=headers).status_code == 200
    assert [row["id"] for row in client.get(PATH, headers=headers).json] == [made.json["id"]]
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(path, headers=headers).status_code == 404
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions[1:] == [
        f"petition.update_{done}" for done in ("written", "published", "changed", "changed", "taken_back", "deleted")
    ]


def test_what_is_wrong_is_said_by_field(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    for change, field in (
        ({"kind": "gossip"}, "kind"), ({"happened_on": "2999-01-01"}, "happened_on"), ({"texts": {}}, "fr.title"),
        ({"source_url": "javascript:x"}, "source_url"), ({"texts": {"xx": ANSWER["texts"]["fr"]}}, "texts"),
        ({"texts": {"fr": {"title": "x"}}, "publish": True}, "fr.body"),
    ):  # fmt: skip
        answer = client.post(PATH, headers=headers, json=ANSWER | change)
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field]), change
    assert db.session.query(PetitionUpdate).count() == 0


def test_the_longest_text_that_the_desk_takes_is_taken(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    longest = {"fr": {"title": "x", "body": "é" * MAX_BODY_CHARACTERS}}
    assert client.post(PATH, headers=headers, json=ANSWER | {"texts": longest}).status_code == 201
    petition = "/api/v1/desk/petitions/jardin"
    read = client.get(petition, headers=headers).json
    change = {"version": read["version"], "fields": {"fr.body": "é" * 90_000}}
    assert client.patch(petition, headers=headers, json=change).status_code == 200
    assert client.patch(petition, headers=headers, json={"fields": {"fr.body": "x" * 3_000_000}}).status_code == 413


def test_a_token_for_another_petition_is_refused(client):
    make_petition()
    _, headers = make_token("petitions:manage", petition=make_petition(slug="autre"))
    assert client.get(PATH, headers=headers).status_code == 403
    assert client.post(PATH, headers=headers, json=ANSWER).status_code == 403
