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
