"""Public documents over HTTP: cached, dated, and never waited for."""

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, update
from support.factories import make_petition

from petition.core import clock
from petition.core.db import db
from petition.exports.documents import store
from petition.exports.documents.models import Document
from petition.exports.documents.rendering import Rendered

PATHS = ("letter.pdf", "signatories.pdf", "poster.pdf", "poster.pdf?format=a3", "sheet.pdf", "card.png")


@pytest.fixture(autouse=True)
def rendered(monkeypatch):
    made = []

    def stand_in(parts, _moment, _report):
        made.append(parts)
        return Rendered(f"{parts[0].template} {parts[0].data['language']} {len(made)}".encode(), 1)

    monkeypatch.setattr(store, "render_parts", stand_in)
    return made


@pytest.mark.parametrize("path", PATHS)
def test_a_document_is_prepared_then_served(client, path):
    make_petition()
    answer = client.get(f"/p/jardin/{path}")
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "en cours de préparation" in answer.text
    assert 'http-equiv="refresh"' in answer.text
    store.make_requested(5)
    answer = client.get(f"/p/jardin/{path}")
    assert answer.status_code == 200
    assert answer.mimetype == ("image/png" if path == "card.png" else "application/pdf")
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["Content-Language"] == "fr"
    assert b"fr" in answer.data
    again = client.get(f"/p/jardin/{path}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_document_is_in_the_language_asked_for(client):
    make_petition()
    client.get("/p/jardin/letter.pdf?lang=en")
    store.make_requested(5)
    answer = client.get("/p/jardin/letter.pdf?lang=en")
    assert answer.data.startswith(b"letter en")
    assert "jardin-letter-en.pdf" in answer.headers["Content-Disposition"]
    assert client.get("/p/jardin/letter.pdf?lang=fr").status_code == 202


def test_a_stale_document_is_served_while_the_next_is_made(client, rendered):
    make_petition()
    client.get("/p/jardin/letter.pdf")
    store.make_requested(5)
    db.session.execute(update(Document).values(made_at=clock.now() - timedelta(minutes=2)))
    db.session.commit()
    assert client.get("/p/jardin/letter.pdf").data == b"letter fr 1"
    assert store.make_requested(5) == 1
    assert client.get("/p/jardin/letter.pdf").data == b"letter fr 2"


@pytest.mark.parametrize("asked", [{"method": "HEAD"}, {"headers": {"Sec-Purpose": "prefetch;prerender"}}], ids=str)
def test_who_does_not_read_a_document_asks_for_none(client, asked):
    make_petition()
    assert client.open("/p/jardin/letter.pdf", **asked).status_code == 202
    assert db.session.scalar(select(func.count()).select_from(Document)) == 0
    client.get("/p/jardin/letter.pdf")
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1
    store.make_requested(5)
    db.session.execute(update(Document).values(made_at=clock.now() - timedelta(minutes=2)))
    db.session.commit()
    assert client.open("/p/jardin/letter.pdf", **asked).status_code == 200
    assert db.session.scalar(select(Document.requested_at)) is None


def count_statements(client, path, times):
    """Return how many statements the database got for so many requests of a page, each with a query of its own."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for number in range(times):
            assert client.get(f"{path}?x={number}").status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(statements)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["letter.pdf", "signatories.pdf", "sheet.pdf", "card.png", "figures", "figures.csv"])
def test_a_thousand_strangers_cost_no_more_than_a_cached_page(client, app, monkeypatch, path):
    make_petition(statistics_public=True)
    if "." in path and path != "figures.csv":
        client.get(f"/p/jardin/{path}")
        store.make_requested(5)
    monkeypatch.setitem(app.config, "PETITION_CACHE_TTL", 60.0)
    for address in ("/p/jardin", f"/p/jardin/{path}"):
        assert count_statements(client, address, 1_000) < 20, "read from the cache"


@pytest.mark.slow
def test_a_thousand_strangers_have_it_made_once(client, rendered):
    make_petition()
    for number in range(1_000):
        assert client.get(f"/p/jardin/letter.pdf?x={number}").status_code == 202
    store.make_requested(5)
    for number in range(1_000):
        assert client.get(f"/p/jardin/letter.pdf?x={number}").status_code == 200
    assert len(rendered) == 1
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1


def test_what_cannot_be_made_is_said(client, monkeypatch):
    make_petition()
    client.get("/p/jardin/letter.pdf")

    def fail(*_):
        raise store.RenderingError("x")

    monkeypatch.setattr(store, "render_parts", fail)
    store.make_requested(5)
    answer = client.get("/p/jardin/letter.pdf")
    assert answer.status_code == 404
    assert "ne peut pas être préparé" in answer.text
    assert "refresh" not in answer.text


def test_a_list_that_is_not_published_is_no_document(client):
    make_petition(listing="none")
    assert client.get("/p/jardin/signatories.pdf").status_code == 404
    assert "signatories.pdf" not in client.get("/p/jardin").text
    assert client.get("/p/jardin/letter.pdf").status_code == 202


@pytest.mark.parametrize(("state", "status"), [("draft", 404), ("archived", 410), ("closed", 202)])
def test_only_public_petitions_have_documents(client, state, status):
    make_petition(state=state)
    for path in PATHS:
        assert client.get(f"/p/jardin/{path}").status_code == status


def test_names_are_kept_out_of_search_engines_as_the_list_is(client):
    petition = make_petition()
    client.get("/p/jardin/signatories.pdf")
    store.make_requested(5)
    assert client.get("/p/jardin/signatories.pdf").headers["X-Robots-Tag"] == "noindex"
    petition.list_indexed = True
    db.session.commit()
    assert "X-Robots-Tag" not in client.get("/p/jardin/signatories.pdf").headers


def test_a_part_of_a_document_is_served_to_who_asks_for_it(client):
    make_petition()
    client.get("/p/jardin/letter.pdf")
    store.make_requested(5)
    answer = client.get("/p/jardin/letter.pdf", headers={"Range": "bytes=0-5"})
    assert (answer.status_code, answer.data) == (206, b"letter")


def test_the_page_leads_to_its_documents_and_names_its_card(client):
    make_petition()
    page = client.get("/p/jardin?lang=en").text
    for path in ("letter.pdf", "signatories.pdf", "poster.pdf", "sheet.pdf"):
        assert f'href="/p/jardin/{path}?lang=en"' in page
    assert 'property="og:image" content="http://localhost/p/jardin/card.png?lang=en"' in page
    assert 'property="og:image:width" content="1200"' in page
