"""Sheets of paper for a token: typed, struck, put back, and their scans."""

from support.api_tokens import make_token
from support.factories import make_petition

from petition.core.db import db
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper.models import PaperScan

PATH = "/api/v1/desk/petitions/jardin/paper"
SHEET = {"sheet": "12", "signed_on": "2022-09-28", "rows": [{"name": "Zoé Martin"}, {"name": "Léa Petit"}, {}]}
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100


def count():
    db.session.rollback()
    return get_count(db.session.query(Petition).filter_by(slug="jardin").one()).paper


def test_a_sheet_counts_at_once_is_struck_and_put_back(client):
    make_petition()
    _, headers = make_token("signatures:manage")
    made = client.post(f"{PATH}/sheets", headers=headers, json=SHEET)
    assert (made.status_code, made.json["sheet"], made.json["added"], count()) == (201, "12", 2, 2), made.json
    steps = f"{PATH}/imports/{made.json['id']}/sheet-steps"
    struck = client.post(steps, headers=headers, json={"step": "strike"})
    assert (struck.status_code, bool(struck.json["struck_at"]), count()) == (200, True, 0)
    assert client.post(steps, headers=headers, json={"step": "strike"}).status_code == 409
    assert client.post(steps, headers=headers, json={"step": "restore"}).json["struck_at"] is None
    assert count() == 2


def test_a_sheet_with_a_wrong_line_adds_none(client):
    make_petition()
    _, headers = make_token("signatures:manage")
    wrong = SHEET | {"rows": [{"name": "Zoé Martin"}, {"profession": "Avocate"}]}
    answer = client.post(f"{PATH}/sheets", headers=headers, json=wrong)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["rows.1"])
    answer = client.post(f"{PATH}/sheets", headers=headers, json=SHEET | {"sheet": " "})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["sheet"])
    assert client.post(f"{PATH}/sheets", headers=headers, json=SHEET | {"rows": [{}] * 21}).status_code == 422
    assert count() == 0


def test_a_scan_is_kept_fetched_and_deleted(client):
    make_petition()
    make_petition(slug="autre")
    _, headers = make_token("signatures:manage")
    number = client.post(f"{PATH}/sheets", headers=headers, json=SHEET).json["id"]
    scans = f"{PATH}/imports/{number}/scans"
    made = client.post(scans, headers=headers, data=JPEG, content_type="image/jpeg")
    assert (made.status_code, made.json["media_type"], made.json["size"]) == (201, "image/jpeg", len(JPEG))
    for content in (b"", b"<html>"):
        answer = client.post(scans, headers=headers, data=content, content_type="application/pdf")
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["scan"])
    assert client.get(scans, headers=headers).json == [made.json]
    file = client.get(f"{scans}/{made.json['id']}", headers=headers)
    assert (file.data, file.mimetype) == (JPEG, "image/jpeg")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"{scans.replace('jardin', 'autre')}", headers=headers).status_code == 404
    assert client.delete(f"{scans}/{made.json['id']}", headers=headers).status_code == 204
    assert client.delete(f"{scans}/{made.json['id']}", headers=headers).status_code == 404
    assert db.session.query(PaperScan).count() == 0
