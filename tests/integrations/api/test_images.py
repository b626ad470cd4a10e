"""Images and copies of a petition for a token."""

import io

from PIL import Image
from support.api_tokens import make_token
from support.factories import make_petition

PATH = "/api/v1/desk/petitions/jardin"


def make_png():
    file = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(file, "PNG")
    return file.getvalue()


def test_an_image_is_stored_shown_and_deleted(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    path = f"{PATH}/images"
    made = client.post(f"{path}?alt=A+garden", headers=headers, data=make_png(), content_type="image/png")
    assert (made.status_code, made.json["alt"]) == (201, "A garden")
    assert client.get(path, headers=headers).json == [made.json]
    name = made.json["name"]
    petition = client.get(PATH, headers=headers).json
    body = {"version": petition["version"], "fields": {"fr.body": f"Bonjour.\n\n![A garden](/images/{name})"}}
    assert client.patch(PATH, headers=headers, json=body).status_code == 200
    assert client.delete(f"{path}/{name}", headers=headers).status_code == 409
    body = {"version": body["version"] + 1, "fields": {"fr.body": "Bonjour."}}
    assert client.patch(PATH, headers=headers, json=body).status_code == 200
    assert client.delete(f"{path}/{name}", headers=headers).status_code == 204
    assert client.delete(f"{path}/{name}", headers=headers).status_code == 404


def test_what_is_no_image_or_has_no_description_is_refused(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    for query, content, field in (("?alt=x", b"<svg>", "file"), ("?alt=", make_png(), "alt"), ("", make_png(), "alt")):
        answer = client.post(f"{PATH}/images{query}", headers=headers, data=content, content_type="image/png")
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_a_copy_is_a_draft_of_its_own(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    copy = client.post(f"{PATH}/copies", headers=headers)
    assert (copy.status_code, copy.json["state"]) == (201, "draft")
    assert copy.json["slug"] != "jardin"
    _, own = make_token("petitions:manage", petition=make_petition(slug="autre"), email="own@example.org")
    assert client.post("/api/v1/desk/petitions/autre/copies", headers=own).status_code == 403


def test_a_link_to_a_draft_works_until_it_is_void(client):
    make_petition(slug="brouillon", state="draft")
    make_petition()
    _, headers = make_token("petitions:manage")
    path = "/api/v1/desk/petitions/brouillon/draft-links"
    made = client.post(path, headers=headers)
    assert made.status_code == 201
    assert client.get(made.json["url"]).status_code == 200
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(made.json["url"]).status_code == 410
    assert client.post(f"{PATH}/draft-links", headers=headers).status_code == 409
