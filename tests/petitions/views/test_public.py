"""The public page of a petition."""

import pytest
from support.factories import make_petition

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
    assert page.count("hreflang") == 2  # of the switch alone
    assert 'rel="canonical" href="http://localhost/p/jardin?lang=fr"' in page
    assert 'property="og:locale" content="fr"' in page
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
