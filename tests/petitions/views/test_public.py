"""The public page of a petition."""

import re
from datetime import UTC, datetime

import pytest
from support.browser import new_page
from support.factories import make_petition

from petition.core.db import db
from petition.petitions.counters import increment
from petition.petitions.views import public


@pytest.fixture
def cache_keys(monkeypatch):
    keys = set()

    def record(key, create, *_):
        keys.add(key)
        return create()

    monkeypatch.setattr(public, "get_or_create", record)
    return keys


def test_unknown_parameters_share_a_cached_page(client, cache_keys):
    make_petition()
    pages = {client.get(f"/p/jardin?lang=en&unknown={n}").data for n in range(5)}
    assert len(pages) == len(cache_keys) == 1
    assert b"unknown=" not in pages.pop()
    client.get("/p/jardin?lang=fr")
    assert len(cache_keys) == 2


def test_page_links_to_its_other_language(client):
    make_petition()
    assert 'href="/p/jardin?lang=fr"' in client.get("/p/jardin?lang=en").text


def test_a_petition_in_one_language_is_served_as_such(client):
    texts = {"fr": {"title": "Pour un jardin", "summary": "Un jardin.", "addressee": "la maire"}}
    make_petition(texts=texts)
    page = client.get("/p/jardin?lang=en").text
    assert '<html lang="en"' in page
    assert "hreflang" not in page
    assert 'rel="canonical" href="http://localhost/p/jardin?lang=fr"' in page
    assert 'property="og:locale" content="fr_FR"' in page
    for marked in ('<h1 lang="fr">', '<p class="lead" lang="fr">', '<article class="letter" lang="fr"'):
        assert marked in page
    assert '<span lang="fr">la maire</span>' in page
    assert "Site in:" in page
    assert "Site in:" not in client.get("/p/jardin?lang=fr").text.replace("Site en", "")


def test_a_petition_in_both_languages_names_both(client):
    make_petition()
    page = client.get("/p/jardin?lang=en").text
    assert page.count('rel="alternate" hreflang') == 2
    assert "<h1>" in page


@pytest.mark.parametrize(
    ("pasted", "path"),
    [
        ("/p/jardin/", "/p/jardin"), ("/p/jardin.", "/p/jardin"), ("/p/jardin)", "/p/jardin"),
        ("/p/jardin%20", "/p/jardin"), ("/p/jardin%C2%BB.", "/p/jardin"), ("/p/Jardin", "/p/jardin"),
        ("/p/jardin/signatories)", "/p/jardin/signatories"), ("/p/jardin/signatories/", "/p/jardin/signatories"),
    ],
)  # fmt: skip
def test_an_address_as_people_paste_it_leads_to_the_petition(client, pasted, path):
    make_petition()
    answer = client.get(pasted)
    assert (answer.status_code, answer.headers["Location"]) == (302, path)
    assert client.get(f"{pasted}?lang=en", headers={"Accept-Language": "fr"}).headers["Location"] == f"{path}?lang=en"


@pytest.mark.parametrize("path", ["/p/.", "/p/other/", "/p/jardin/nothing", "/p//evil.example/", "/p/%0d%0aX:y/"])
def test_other_addresses_lead_nowhere(client, path):
    make_petition()
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 404


def test_the_address_of_a_form_with_an_error_leads_to_the_form(client):
    make_petition()
    answer = client.get("/p/jardin/sign?lang=en", headers={"Accept-Language": "fr"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/p/jardin?lang=en#sign")
    assert client.get("/p/nothing/sign").status_code == 404


def test_an_archived_petition_says_what_it_was_when_and_how_many_signed(client):
    petition = make_petition(
        state="archived", opens_at=datetime(2026, 1, 5, 12, tzinfo=UTC), closed_at=datetime(2026, 3, 1, 12, tzinfo=UTC)
    )
    increment(petition.id, 1, "person", 610)
    db.session.commit()
    for path in ("/p/jardin", "/p/jardin/signatories", "/p/jardin/check-your-email"):
        answer = client.get(f"{path}?lang=en")
        assert answer.status_code == 410
        for said in ("For a garden", "the mayor", "5\N{NO-BREAK SPACE}January 2026", "1\N{NO-BREAK SPACE}March 2026"):
            assert said in answer.text
        assert "<strong>610</strong>" in answer.text


def test_what_became_of_a_petition_is_on_its_page(client):
    petition = make_petition(handed_over_at=datetime(2026, 1, 5, 12, tzinfo=UTC))
    assert "Handed over" in client.get("/p/jardin?lang=en").text
    assert client.get("/api/v1/petitions/jardin").json["delivered_on"] == "2026-01-05"
    petition.won_at = datetime(2026, 2, 1, 12, tzinfo=UTC)
    db.session.commit()
    for path in ("/", "/p/jardin"):
        assert "what it asks for was granted" in client.get(f"{path}?lang=en").text
    assert client.get("/api/v1/petitions/jardin").json["won_on"] == "2026-02-01"


def test_the_page_in_print_says_where_when_and_how_many(client):
    petition = make_petition(closes_at=datetime(2999, 3, 1, 12, tzinfo=UTC))
    increment(petition.id, 1, "person", 610)
    increment(petition.id, 1, "organisation", 30)
    db.session.commit()
    printed = re.search(r'<p class="print-only">(.*?)</p>', client.get("/p/jardin?lang=en").text, re.DOTALL)[1]
    for said in ("http://localhost/p/jardin", "<strong>640</strong>", "including 30 organisations", "Open until 1"):
        assert said in printed


def test_the_page_in_print_counts_once_and_has_no_form(client, chromium):
    make_petition()
    html = client.get("/p/jardin?lang=en").text
    style = client.get(re.search(r'href="([^"]*petition[^"]*\.css[^"]*)"', html)[1]).text
    page = new_page(chromium)
    page.set_content(re.sub(r"<link[^>]*>|<script.*?</script>", "", html, flags=re.DOTALL))
    page.add_style_tag(content=style)
    assert page.locator("#sign").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".print-only").is_visible()
    assert not page.locator("#sign").is_visible()
    assert not page.locator(".bar").is_visible()
    assert page.locator(".names").is_visible()
    page.close()


@pytest.mark.parametrize("online", [0, 3])
def test_the_total_with_paper_stands_wherever_a_count_stands(client, online):
    petition = make_petition(milestones=[8, 20])
    increment(petition.id, 1, "person", online)
    increment(petition.id, 1, "paper", 7)
    db.session.commit()
    said = "and 7 on paper: 10 in total" if online else "<strong>7</strong> signatures on paper"
    for path in ("/", "/p/jardin", "/p/jardin/signatories", "/p/jardin/thank-you"):
        page = client.get(f"{path}?lang=en").text
        assert said in page, path
        assert "0 signatures" not in page, path
    goal = 20 if online else 8
    assert f'<progress max="{goal}" value="{online + 7}"' in client.get("/p/jardin?lang=en").text
