"""Exports for a token: the file of the desk, for who may find the signatures, without a name that waits."""

import csv
import io

import pytest
from support.api_tokens import make_token
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.team.models import AuditEvent

PATH = "/api/v1/signatures/exports"


def read(answer):
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_what_a_filter_finds_is_a_file(client):
    petition = make_petition(named_total=2)
    make_signature(petition, state="confirmed")
    make_signature(petition, email="lea@example.org", name="Léa Petit", state="confirmed", named_when="total")
    make_signature(make_petition(slug="autre"), email="else@example.org", state="confirmed")
    _, headers = make_token("signatures:manage")
    asked = {"filter": {"petition": "jardin"}, "columns": ["name", "email"]}
    answer = client.post(PATH, headers=headers, json=asked)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert sorted(list(row.values()) for row in read(answer)) == [["", ""], ["Zoé Martin", "zoe@example.org"]]
    assert "Léa" not in answer.text
    assert "lea@" not in answer.text
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)][-2:]
    assert actions == ["signatures.export", "signatures.exported"]
    workbook = client.post(PATH, headers=headers, json=asked | {"format": "xlsx", "language": "fr"})
    assert workbook.data.startswith(b"PK")


@pytest.mark.parametrize(
    "wrong", [{"columns": []}, {"columns": ["ip"]}, {"format": "pdf"}, {"language": "xx"}, {"filter": {"state": "x"}}]
)
def test_what_is_wrong_is_said(client, wrong):
    _, headers = make_token("signatures:manage")
    answer = client.post(PATH, headers=headers, json=wrong)
    assert (answer.status_code, [name.partition(".")[0] for name in answer.json["errors"]]) == (422, list(wrong))


def test_a_token_for_one_petition_must_name_it(client):
    make_petition(slug="autre")
    _, headers = make_token("signatures:manage", petition=make_petition())
    assert client.post(PATH, headers=headers, json={}).status_code == 422
    assert client.post(PATH, headers=headers, json={"filter": {"petition": "autre"}}).status_code == 403
    assert client.post(PATH, headers=headers, json={"filter": {"petition": "jardin"}}).status_code == 200
