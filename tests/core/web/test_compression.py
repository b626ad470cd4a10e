"""Public responses are compressed, private ones are not."""

import gzip

import pytest
from support.factories import make_petition, make_signature

from petition.core.web import compression
from petition.signatures.links import make_confirm_token, personal_path

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def test_a_public_page_is_compressed_once_for_all_who_accept_it(client, monkeypatch):
    make_petition()
    plain = client.get("/p/jardin")
    packed = client.get("/p/jardin", headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    for answer in (plain, packed):
        assert {"Accept-Encoding", "Accept-Language"} <= {name.strip() for name in answer.headers["Vary"].split(",")}
    assert "Content-Encoding" not in plain.headers
    data = b"x" * 1000
    assert compression._compress(data) is compression._compress(data)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br", "gzip;q=x", "," * 600])
def test_who_does_not_accept_it_gets_it_plain(client, accepted):
    make_petition()
    answer = client.get("/p/jardin", headers={"Accept-Encoding": accepted})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_a_page_with_a_secret_is_not_compressed(client):
    signature = make_signature(make_petition(), state="confirmed")
    for path in (personal_path(signature), f"/c/{make_confirm_token(signature)}", "/account/sign-in"):
        answer = client.get(path, headers=GZIP)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers


def test_stylesheets_are_compressed_and_revalidated(client):
    page = client.get("/static/petition.css", headers=GZIP)
    assert "Content-Encoding" not in page.headers, "not under its versioned URL: not to be kept"
    make_petition()
    path = client.get("/p/jardin").text.split('rel="stylesheet" href="')[1].split('"')[0]
    sheet = client.get(path, headers=GZIP)
    assert sheet.headers["Content-Encoding"] == "gzip"
    assert b"color-scheme" in gzip.decompress(sheet.data)
    assert sheet.headers["Content-Length"] == str(len(sheet.data))
    assert client.head(path, headers=GZIP).data == b""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/favicon.ico", "image/"), ("/apple-touch-icon.png", "image/png"), ("/robots.txt", "text/plain")],
)
def test_files_are_where_programs_look(client, path, kind):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type.startswith(kind)
    assert answer.headers["Cache-Control"].startswith("public")
