"""Names to review for a token: decided as they were read, and taken back."""

from support.api_tokens import make_token
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.signatures.models import Signature

PATH = "/api/v1/names"


def make_waiting():
    details = {"party": "organisation", "organisation": "Les Amis", "email": "a@les-amis.org", "listed": True}
    return make_signature(make_petition(), state="confirmed", confirmed_no=1, **details)


def test_a_name_is_decided_as_it_was_read_and_taken_back(client):
    signature = make_waiting()
    _, headers = make_token("signatures:manage")
    [name] = client.get(PATH, headers=headers).json["items"]
    assert (name["id"], name["organisation"]) == (signature.id, "Les Amis")
    read = {"id": name["id"], "fingerprint": name["fingerprint"]}
    decide = {"choice": "show", "names": [read]}
    other = {"choice": "show", "names": [read | {"fingerprint": "other"}]}
    assert client.post(f"{PATH}/decisions", headers=headers, json=other).json == {"decided": 0, "changed": 1}
    assert client.post(f"{PATH}/decisions", headers=headers, json=decide).json == {"decided": 1, "changed": 0}
    assert db.session.get(Signature, signature.id, populate_existing=True).review == "approved"
    [decision] = client.get(f"{PATH}/decisions", headers=headers).json
    assert (decision["signature"], decision["choice"]) == (signature.id, "show")
    assert client.delete(f"{PATH}/decisions/{decision['id']}", headers=headers).status_code == 204
    assert client.delete(f"{PATH}/decisions/{decision['id']}", headers=headers).status_code == 409
    assert [name["id"] for name in client.get(PATH, headers=headers).json["items"]] == [signature.id]


def test_a_token_for_one_petition_has_not_the_list_of_all(client):
    make_waiting()
    _, headers = make_token("signatures:manage", petition=make_petition(slug="autre"))
    assert client.get(PATH, headers=headers).status_code == 403
    assert client.get(f"{PATH}/decisions", headers=headers).status_code == 403
    assert client.delete(f"{PATH}/decisions/1", headers=headers).status_code == 403
