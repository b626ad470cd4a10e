"""Partners of a petition for a token: joined, changed, ended."""

from support.api_tokens import make_token
from support.factories import make_petition
from support.partners import make_partner

PATH = "/api/v1/desk/petitions/jardin/partners"


def test_a_partner_joins_changes_and_leaves(client):
    make_petition()
    partner = make_partner()
    _, headers = make_token("petitions:manage")
    made = client.post(PATH, headers=headers, json={"partner": "greens", "role": "viewer"})
    assert (made.status_code, made.json["name"], made.json["role"]) == (201, partner.name, "viewer")
    assert client.post(PATH, headers=headers, json={"partner": "greens", "role": "viewer"}).status_code in (409, 422)
    path, wording = f"{PATH}/{made.json['id']}", f"Des nouvelles de {partner.name}."
    changed = client.patch(path, headers=headers, json={"role": "sender", "wording": {"fr": wording}})
    assert (changed.json["role"], changed.json["wording"]) == ("sender", {"fr": wording})
    nameless = client.patch(path, headers=headers, json={"wording": {"en": "News."}})
    assert (nameless.status_code, list(nameless.json["errors"])) == (422, ["wording_en"])
    assert client.patch(path, headers=headers, json={"wording": {"fr": ""}}).json["wording"] == {}
    assert client.delete(path, headers=headers).status_code == 204
    assert client.delete(path, headers=headers).status_code == 404
    assert [bool(row["left_at"]) for row in client.get(PATH, headers=headers).json] == [True]


def test_who_is_unknown_cannot_join(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    assert client.post(PATH, headers=headers, json={"partner": "none", "role": "viewer"}).status_code == 404
    assert client.post(PATH, headers=headers, json={"partner": "none", "role": "x"}).status_code == 422
