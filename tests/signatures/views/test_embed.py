"""The form in a frame on other sites: who may show it, and that signing there ends as it does here."""

import re

import pytest
from support.factories import make_form, make_petition, make_signature, sign_in

from petition.core.db import db
from petition.core.security_headers import CONTENT_SECURITY_POLICY
from petition.petitions.queries import find_by_slug
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature
from petition.signatures.views import embed

SITES = ["https://blog.example", "http://127.0.0.1:8099"]
FRAMED_PATHS = ("/p/jardin/embed", "/p/jardin/embed?lang=en", "/p/jardin/embed/check-your-email")


def policy(answer):
    return answer.headers["Content-Security-Policy"]


def test_no_site_may_show_the_form_by_default(client):
    make_petition()
    for path in FRAMED_PATHS:
        answer = client.get(path)
        assert answer.status_code == 200
        assert policy(answer).endswith("frame-ancestors 'none'"), path
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_listed_sites_may_show_the_form_and_what_follows(client):
    make_petition(embed_origins=SITES)
    answers = [client.get(path) for path in FRAMED_PATHS]
    answers.append(client.post("/p/jardin/embed", data=make_form(name="")))
    answers.append(client.post("/p/jardin/embed", data=make_form()))
    for answer in answers:
        assert policy(answer).endswith(f"frame-ancestors {' '.join(SITES)}")
        assert "X-Frame-Options" not in answer.headers, "it cannot name sites"
        kept = CONTENT_SECURITY_POLICY.removesuffix("'none'").split("; ")
        assert [part for part in kept if part not in policy(answer)] == [], "the rest of the policy stays"
        assert answer.headers["X-Robots-Tag"] == "noindex"


def test_errors_are_shown_in_the_frame_too(client):
    make_petition(embed_origins=SITES)
    make_petition(slug="fini", state="archived", embed_origins=SITES)
    make_petition(slug="brouillon", state="draft", embed_origins=SITES)
    archived = client.get("/p/fini/embed")
    too_many = [client.post("/p/jardin/embed", data=make_form()) for _ in range(40)][-1]
    assert (archived.status_code, too_many.status_code) == (410, 429)
    for answer in (archived, too_many):
        assert policy(answer).endswith(" ".join(SITES))
        assert '<header class="top">' not in answer.text
    for hidden in (client.get("/p/brouillon/embed"), client.get("/p/nowhere/embed")):
        assert hidden.status_code == 404
        assert policy(hidden).endswith("frame-ancestors 'none'"), "a draft is answered as what does not exist"


def test_no_other_page_of_the_flow_can_be_framed(client):
    signature = make_signature(make_petition(embed_origins=SITES))
    token = make_confirm_token(signature)
    paths = ("/p/jardin", "/p/jardin/check-your-email", "/p/jardin/thank-you", f"/c/{token}", "/p/jardin/signatories")
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "frame-ancestors 'none'" in policy(answer)
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_frame_needs_no_script_and_loads_nothing_from_elsewhere(client):
    make_petition(embed_origins=SITES)
    page = client.get("/p/jardin/embed?lang=en").text
    assert [
        url for url in re.findall(r'(?:src|href)="(https?:[^"]+)"', page) if not url.startswith("http://localhost/")
    ] == []
    scripts = re.findall(r"<script", page)
    assert len(scripts) == 1
    assert "'unsafe-inline'" not in policy(client.get("/p/jardin/embed"))
    assert 'action="/p/jardin/embed?lang=en#sign" target="_self"' in page
    assert '<base target="_blank">' in page, "links open in a tab of their own"
    assert "data-confirmed" in page


def test_signing_in_the_frame_is_counted_as_such_and_leads_to_its_own_page(client):
    make_petition(embed_origins=SITES)
    answer = client.post("/p/jardin/embed", data=make_form(show_address="1"))
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/p/jardin/embed/check-your-email?to=")
    page = client.get(answer.headers["Location"]).text
    assert "@example.org" in page
    assert 'href="/p/jardin/embed?lang=fr#field-email" target="_self"' in page
    assert db.session.query(Signature).one().source == "widget"


def test_an_error_keeps_what_was_typed(client):
    make_petition(embed_origins=SITES)
    answer = client.post("/p/jardin/embed?lang=en", data=make_form(email="nobody"))
    assert answer.status_code == 422
    assert 'value="nobody"' in answer.text
    assert 'href="#field-email" target="_self"' in answer.text
    assert 'class="framed"' in answer.text


def test_the_answer_is_the_same_whoever_asks(client):
    petition = make_petition(embed_origins=SITES)
    make_signature(petition, email="known@example.org", state="confirmed")
    answers = [client.post("/p/jardin/embed", data=make_form(email=f"{name}@example.org")) for name in ("known", "new")]
    assert answers[0].data == answers[1].data
    headers = [{name: value for name, value in answer.headers if name != "X-Request-ID"} for answer in answers]
    assert headers[0] == headers[1]


def test_a_closed_petition_says_so(client):
    make_petition(embed_origins=SITES, state="closed")
    page = client.get("/p/jardin/embed?lang=en").text
    assert "<form" not in page
    assert "no longer collected" in page


def test_unknown_parameters_share_a_cached_frame(client, monkeypatch):
    make_petition()
    keys = set()

    def record(key, create, *_):
        keys.add(key)
        return create()

    monkeypatch.setattr(embed, "get_or_create", record)
    pages = {client.get(f"/p/jardin/embed?lang=en&unknown={n}").data for n in range(4)}
    assert len(pages) == len(keys) == 1
    answer = client.get("/p/jardin/embed")
    assert answer.headers["Cache-Control"] == "public, max-age=0, s-maxage=5"
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/p/jardin", "/desk/", "/desk/petitions/jardin/preview/embed"])
def test_x_frame_options_says_what_the_policy_says(client, path):
    make_petition()
    sign_in(client, "campaigner")
    answer = client.get(path)
    expected = {"frame-ancestors 'none'": "DENY", "frame-ancestors 'self'": "SAMEORIGIN"}
    found = re.search(r"frame-ancestors [^;]+", policy(answer))[0]
    assert answer.headers["X-Frame-Options"] == expected[found]


def test_the_list_is_read_from_the_row(app):
    assert make_petition(embed_origins=SITES).embed_origins == SITES
    assert find_by_slug("jardin").embed_origins == SITES


def test_a_theme_is_kept_on_every_page_of_the_frame(client):
    make_petition(embed_origins=SITES)
    page = client.get("/p/jardin/embed?lang=en&theme=light").text
    assert '<html lang="en" dir="ltr" data-theme="light">' in page
    assert 'action="/p/jardin/embed?lang=en&amp;theme=light#sign"' in page
    answer = client.post("/p/jardin/embed?lang=en&theme=light", data=make_form(show_address="1"))
    assert "theme=light" in answer.headers["Location"]
    after = client.get(answer.headers["Location"]).text
    assert 'data-theme="light"' in after
    assert "theme=light#field-email" in after
    unknown = client.get("/p/jardin/embed?lang=en&theme=evil").text
    assert "data-theme" not in unknown
    assert "evil" not in unknown
    assert "data-theme" not in client.get("/p/jardin?theme=light").text
