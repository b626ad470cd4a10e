"""Every public route, with hostile cookies and headers: no cookie is set, and nothing ends in 5xx."""

import re
import sys

import pytest
from flask_login import encode_cookie
from support.factories import make_form, make_petition, make_signature
from support.settings import environment

from config import Config
from petition.app import create_app
from petition.team.sessions import TEAM_PATH_PREFIXES

METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
JUNK = "../..;%00%0d%0aSet-Cookie: a=b\x7f\xe9" + "'" * 50
COOKIES = [
    "session=eyJfdXNlcl9pZCI6IjEifQ.AAAAAA.forged; remember_token=1|forged",
    "session=.eJwrSy1SsFVIKs3JTAEAHQIEkg.x; csrf_token=x; locale=../../etc; tf_validity=x",
    "session=; remember_token=\xe9|\xff; =; ;;;",
    "remember_token=" + "1" * 3000,
]
HEADERS = [
    {"Accept-Language": "fr;q=9e999, *;q=nan, \xe9" + ",x" * 500},
    {"Accept": JUNK.replace("\x7f", ""), "User-Agent": "", "Referer": "http://" + "[" * 9},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site", "X-Requested-With": "XMLHttpRequest"},
    {"Authorization": "Basic \xe9=", "X-Forwarded-For": "x, [::1]:99999, unknown", "X-Forwarded-Proto": "javascript"},
    {"Content-Type": "multipart/form-data; boundary=\xe9", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json; charset=utf-7"},
    {"If-None-Match": "W/" + '"' * 9, "If-Modified-Since": "Thu, 99 Foo 0000", "Range": "bytes=9-1,-"},
    {"X-HTTP-Method-Override": "DELETE", "X-CSRFToken": "x", "Authentication-Token": "1"},
    {"Transfer-Encoding": "chunked", "Content-Length": "-1"},
]
BODIES = [
    {"remember": "y", **make_form(email="zoe@example.org")},
    {"remember": "y", "password": "x", "email": "a@b", "next": "//evil.example", "code": "1", "csrf_token": "x"},
    "\xff\xfe=%ff&remember=y&" + "a=" * 50,
]


@pytest.fixture(scope="module")
def site(database_url, redis_url, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("mailbox"))
    limits = {"PETITION_SIGN_LIMIT": "1000000/minute", "PETITION_MAILBOX": folder}
    app = create_app(Config(environment(database_url, redis_url, PETITION_BOUNCE_WEBHOOK_SECRET="s" * 20, **limits)))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def list_public_paths(site):
    make_petition()
    signature = make_signature(make_petition(slug="autre"), state="confirmed")
    values = {
        "slug": "jardin",
        "token": "AAAA.BBBB.CCCC-dddd",
        "provider": "generic",
        "number": "1",
        "filename": "petition.css",
        "id": str(signature.id),
    }
    for rule in site.url_map.iter_rules():
        blueprint = site.blueprints.get(rule.endpoint.rpartition(".")[0])
        access = getattr(sys.modules[blueprint.import_name], "ACCESS", "public") if blueprint else "public"
        is_public = access in ("public", "holder of the link", "machine") and not rule.rule.startswith(
            TEAM_PATH_PREFIXES
        )
        if is_public:
            yield re.sub(r"<(?:[^:<>]*:)?(\w+)>", lambda found: values.get(found[1], "x"), rule.rule)


def list_requests():
    """Each method with the first cookie, headers and body; GET and POST with every one of them."""
    for method in METHODS:
        some = slice(None) if method in ("GET", "POST") else slice(1)
        for number, cookie in enumerate(COOKIES[some]):
            yield method, {"headers": {"Cookie": cookie}, "data": BODIES[number % 2]}
        for headers in HEADERS[some]:
            yield method, {"headers": {**headers, "Cookie": COOKIES[0]}, "data": BODIES[2]}
    yield "POST", {"json": {"remember": True, "token": "x", **make_form()}, "headers": {"Cookie": COOKIES[0]}}


@pytest.mark.slow
def test_public_routes_set_no_cookie_and_never_fail(app, site):
    paths = sorted(set(list_public_paths(site)))
    assert {"/p/jardin", "/p/jardin/sign", "/c/AAAA.BBBB.CCCC-dddd", "/hooks/bounces/generic", "/metrics"} <= {*paths}
    tried = 0
    for path in paths:
        for number, (method, options) in enumerate(list_requests()):
            network = {"X-Forwarded-For": f"203.{tried // 250 % 250}.{tried % 250}.1"}
            options["headers"] = {**network, **options["headers"]}
            answer = site.test_client(use_cookies=False).open(path, method=method, **options)
            assert answer.status_code < 500 or answer.status_code == 501, (method, path, number, answer.status_code)
            assert "Set-Cookie" not in answer.headers, (method, path, number)
            tried += 1
            answer.close()
    assert tried > 1000


@pytest.mark.parametrize("value", ["1", "\xe9"])
def test_a_cookie_that_signs_in_means_nothing_on_public_pages(app, site, value):
    make_petition()
    with site.app_context():
        cookie = f"remember_token={encode_cookie(value) if value.isascii() else value + '|' + value}"
    for method, path in (("GET", "/"), ("GET", "/p/jardin"), ("POST", "/p/jardin/sign"), ("GET", "/nowhere")):
        answer = site.test_client(use_cookies=False).open(path, method=method, headers={"Cookie": cookie})
        assert answer.status_code in (200, 422, 404), path
        assert "Set-Cookie" not in answer.headers
