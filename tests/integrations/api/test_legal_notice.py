"""The legal notice for a token: of the site and of a petition, over the version that was read."""

from support.api_tokens import make_token
from support.factories import make_petition

SITE, OWN = "/api/v1/desk/legal-notice", "/api/v1/desk/petitions/jardin/legal-notice"
FIELDS = {
    "publisher": "La Quadrature", "address": "1 rue du Jardin", "contact": "a@example.org", "director": "Zoé Martin",
    "host": "OVH", "fr.privacy": "Vos données restent ici.",
}  # fmt: skip


def test_a_notice_is_written_changed_and_deleted(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    for path in (OWN, SITE):
        client.delete(path, headers=headers)
        known = client.get(path, headers=headers)
        version = known.json["version"] if known.status_code == 200 else None
        written = client.put(path, headers=headers, json={"version": version, "fields": FIELDS})
        assert written.status_code == 200, written.json
        assert client.get(path, headers=headers).json == written.json
        stale = client.put(path, headers=headers, json={"version": version, "fields": FIELDS})
        assert stale.status_code == 409
    assert client.delete(OWN, headers=headers).status_code == 204
    assert client.get(OWN, headers=headers).status_code == 404


def test_what_is_wrong_is_said_and_a_token_for_one_petition_has_not_the_site_s(client):
    _, headers = make_token("petitions:manage", petition=make_petition())
    for fields, field in ((FIELDS | {"publisher": ""}, "publisher"), (FIELDS | {"x": "y"}, "x")):
        answer = client.put(OWN, headers=headers, json={"fields": fields})
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert client.get(SITE, headers=headers).status_code == 403
    assert client.put(SITE, headers=headers, json={"fields": FIELDS}).status_code == 403
