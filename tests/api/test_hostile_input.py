"""No input is answered with 5xx, and API clients get problem documents."""

import json

import pytest
from support.factories import make_petition

from petition.core.db import db
from petition.signatures.models import Signature

FORM, API = "/p/jardin/sign", "/api/v1/petitions/jardin/signatures"
NETWORKS = iter(range(10_000))


def network():
    number = next(NETWORKS)
    return {"X-Forwarded-For": f"203.{number // 250}.{number % 250}.1"}


@pytest.mark.parametrize(
    "path",
    [
        "/p/a%00b",
        "/api/v1/petitions/a%00b",
        "/p/%ff%fe",
        "/p/%ED%A0%80",
        "/c/%00",
        "/me/%00",
        "/u/%ff",
        "/p/jardin/signatories?after=%00",
        "/p/jardin?lang=%00",
        "/p/" + "a" * 5000,
        "/c/" + "A" * 5000,
    ],
)
def test_malformed_urls(client, path):
    make_petition()
    assert client.get(path).status_code < 500
    assert client.post(path, headers=network()).status_code < 500


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'"x"', b"{" * 2000, b"[" * 20_000, b"\xff\xfe", b'{"x":' + b"1" * 4301 + b"}",
        b'{"name":NaN}', b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"name":{},"email":[]}',
        b'{"name":"\\ud800","email":"z@example.org"}', b'{"name":"Zo\\u0000","email":"z@example.org"}',
        b'{"name":"Zo","email":"\\ud800@example.org"}', b'{"name":1e999,"email":"z@example.org"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [API, "/api/v1/confirmations"])
def test_malformed_bodies(client, path, body):
    make_petition()
    answer = client.post(path, data=body, content_type="application/json", headers=network())
    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"
    assert db.session.query(Signature).count() == 0


def test_a_body_that_is_not_json_is_reported(client):
    make_petition()
    answer = client.post(API, data=b'{"name":', content_type="application/json", headers=network())
    assert answer.status_code == 400
    assert (
        answer.json["errors"] == {"body": answer.json["detail"]} == {"body": "The body is not JSON that can be read."}
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"name=a%00&email=z@example.org", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(5000)), "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b'{"name":"Zo"}', "application/json"),
        (b"name=Zo", "text/plain"),
    ],
)
def test_malformed_forms(client, body, kind):
    make_petition()
    answer = client.post(FORM, data=body, content_type=kind, headers=network())
    assert 400 <= answer.status_code < 500
    assert db.session.query(Signature).count() == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", [FORM, API])
def test_methods_that_are_not_allowed(client, method, path):
    make_petition()
    answer = client.open(path, method=method)
    assert answer.status_code == 405
    assert "Allow" in answer.headers
    assert (answer.content_type == "application/problem+json") == path.startswith("/api")


def test_a_made_up_host_reaches_no_page(client):
    make_petition()
    answer = client.get("/p/jardin", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "%(petition)s", "<img src=x onerror=alert(1)>", "**bold** [x](javascript:1)", "‮gnp"]
)
def test_input_is_escaped_or_rejected(client, text):
    make_petition()
    answer = client.post(
        API,
        data=json.dumps({"name": f"Zo {text}", "email": "z@example.org"}),
        content_type="application/json",
        headers=network(),
    )
    assert answer.status_code in (202, 422)
    page = client.post(FORM, data={"name": f"Zo {text}", "email": "no address"}, headers=network()).get_data(
        as_text=True
    )
    assert "<img src=x" not in page
    assert "Zo 49" not in page
