"""Dossiers for a token: asked for, made by the worker, fetched as they were made."""

import hashlib

import pytest
from support.api_tokens import make_token
from support.factories import make_petition

from petition.core.db import db
from petition.exports.documents import dossiers
from petition.exports.documents.models import Dossier
from petition.team.models import AuditEvent

PATH = "/api/v1/desk/petitions/jardin/dossiers"


@pytest.mark.slow
def test_a_dossier_is_asked_for_made_and_fetched(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    asked = client.post(PATH, headers=headers, json={"language": "fr"})
    assert (asked.status_code, asked.json["state"]) == (202, "waiting")
    path = f"{PATH}/{asked.json['id']}"
    assert client.get(f"{path}/file", headers=headers).status_code == 404
    assert dossiers.make_next()
    db.session.expire_all()
    shown = client.get(path, headers=headers).json
    assert (shown["state"], shown["progress"]) == ("done", 100)
    file = client.get(f"{path}/file", headers=headers)
    assert (file.status_code, file.mimetype) == (200, "application/pdf")
    assert hashlib.sha256(file.data).hexdigest() == shown["sha256"]
    assert [row["id"] for row in client.get(PATH, headers=headers).json] == [shown["id"]]
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions == ["token.created", "dossier.requested", "dossier.made", "dossier.downloaded"]


def test_one_in_no_language_or_of_another_petition_is_refused(client):
    petition = make_petition()
    _, headers = make_token("petitions:manage", petition=make_petition(slug="autre"))
    _, own = make_token("petitions:manage", email="own@example.org")
    made = dossiers.ask_for(petition, "fr", "x")
    db.session.commit()
    assert client.post(PATH, headers=own, json={"language": "xx"}).status_code == 422
    for path in (PATH, f"{PATH}/{made.id}", f"{PATH}/{made.id}/file"):
        assert client.get(path, headers=headers).status_code == 403
    other = "/api/v1/desk/petitions/autre/dossiers"
    for number in (made.id, 2**63, 10**30):
        assert client.get(f"{other}/{number}", headers=headers).status_code == 404
        assert client.get(f"{other}/{number}/file", headers=headers).status_code == 404
    assert db.session.query(Dossier).count() == 1
