"""Clusters of signatures for a token: ignored, watched, and a bulk action that strikes what they quarantined."""

import pytest
from support.api_tokens import make_token
from support.factories import make_petition, make_signature

from petition.bulk_actions import runner
from petition.core import clock
from petition.core.db import db
from petition.integrity.models import IntegrityCluster
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.staff.quarantine import quarantine_many

PATH = "/api/v1/desk/petitions/jardin/clusters"


@pytest.fixture
def cluster(app):
    """Return a cluster that holds one signature."""
    petition, now = make_petition(), clock.now()
    signature = make_signature(petition, email="a@catch-all.net")
    confirm_signature(signature)
    row = IntegrityCluster(
        petition_id=petition.id, kind="domain", key="catch-all.net", signatures=1, confirmed=1, share=0.6, first_at=now,
        last_at=now, signals={"hurried": [1.0, 0.45]}, sample=[signature.id], held_at=now,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    quarantine_many([signature.id], row.id)
    db.session.commit()
    return row.id


def step(client, headers, name, *ids, **more):
    return client.post(f"{PATH}/steps", headers=headers, json={"step": name, "clusters": list(ids), **more})


def test_one_is_ignored_and_watched_again(client, cluster):
    _, headers = make_token("signatures:manage")
    assert [row["status"] for row in client.get(PATH, headers=headers).json] == ["held"]
    assert step(client, headers, "ignore", cluster).status_code == 422
    assert step(client, headers, "ignore", cluster, reason="a school").json == {"action": None}
    assert [row["status"] for row in client.get(PATH, headers=headers).json] == ["ignored"]
    assert step(client, headers, "watch", cluster).status_code == 200
    assert [row["status"] for row in client.get(PATH, headers=headers).json] == ["held"]
    assert step(client, headers, "watch", cluster + 1).status_code == 404


def test_what_it_quarantined_is_struck_by_a_bulk_action_of_its_petition(client, cluster):
    _, headers = make_token("signatures:manage", petition=db.session.query(Petition).one())
    action = step(client, headers, "strike", cluster, reason="made by a machine").json["action"]
    assert (action["state"], action["total"]) == ("draft", 1)
    path = f"/api/v1/signatures/bulk-actions/{action['action']}/steps"
    started = client.post(path, headers=headers, json={"step": "start", "total": 1})
    assert started.status_code == 200, started.json
    runner.run_all()
    db.session.rollback()
    assert [row.state for row in db.session.query(Signature)] == ["invalidated"]
