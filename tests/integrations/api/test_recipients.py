"""The recipients of a mailing for a token: page by page, with state and cause; of its petition alone."""

import pytest
from support.api_tokens import make_token
from support.factories import make_petition
from support.mailings import list_deliveries, make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.mailings import recipients
from petition.signatures.models import Signature


@pytest.fixture
def path(app, monkeypatch):
    """Return the path of the recipients of a mailing to five, two of whom failed, with pages of two."""
    monkeypatch.setattr(recipients, "PAGE_SIZE", 2)
    petition = make_petition()
    for name in "abcde":
        make_consenting_signature(petition, f"{name}@example.org")
    mailing = make_started_mailing(petition)
    failed = [row.id for row in list_deliveries()[:2]]
    db.session.query(Delivery).filter(Delivery.id.in_(failed)).update({"state": "failed", "cause": "550 5.1.1"})
    db.session.commit()
    return f"/api/v1/mailings/{mailing.id}/recipients"


def test_every_recipient_in_a_state_is_on_one_page(client, path):
    _, headers = make_token("mailings:manage")
    first = client.get(f"{path}?state=due", headers=headers).json
    second = client.get(f"{path}?state=due&after={first['next']}", headers=headers).json
    ids = [row["id"] for row in (*first["items"], *second["items"])]
    assert ids == [row.id for row in list_deliveries(state="due")]
    assert (len(first["items"]), second["next"]) == (2, None)
    failed = client.get(f"{path}?state=failed", headers=headers).json["items"]
    assert [(row["state"], row["cause"]) for row in failed] == [("failed", "550 5.1.1")] * 2
    for query in ("", "?state=x", "?state=due&after=0", f"?state=due&after={2**63}"):
        assert client.get(path + query, headers=headers).status_code == 422


def test_one_is_found_by_address_and_who_was_erased_has_no_name(client, path):
    _, headers = make_token("mailings:manage")
    [found] = client.post(f"{path}/search", headers=headers, json={"email": "D@EXAMPLE.org"}).json
    assert found["email"] == "d@example.org"
    assert client.post(f"{path}/search", headers=headers, json={"email": "nobody"}).json == []
    db.session.delete(db.session.get(Signature, found["signature"]))
    db.session.query(Delivery).filter_by(id=found["id"]).update({"state": "sent"})
    db.session.commit()
    rows = client.get(f"{path}?state=sent", headers=headers).json["items"]
    assert [(row["signature"], row["name"], row["email"]) for row in rows] == [(None, None, None)]


def test_a_token_for_another_petition_and_other_scopes_are_refused(client, path):
    _, other = make_token("mailings:manage", petition=make_petition(slug="autre"))
    _, wrong = make_token("signatures:manage", email="wrong@example.org")
    for headers in (other, wrong):
        assert client.get(f"{path}?state=due", headers=headers).status_code == 403
        assert client.post(f"{path}/search", headers=headers, json={"email": "d@example.org"}).status_code == 403
