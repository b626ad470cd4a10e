import re
import threading

import pytest
from sqlalchemy import event
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.signatures.confirm import confirm_signature
from petition.signatures.listing.public_list import list_organisations, list_signatories


def signer(number):
    return f"Signer {chr(ord('A') + number)}."


@pytest.fixture
def petition(app):
    petition = make_petition()
    for n in range(25):
        kind = (
            {"party": "organisation", "organisation": f"Association {n:02}", "review": "approved"} if n % 5 == 0 else {}
        )
        confirm_signature(
            make_signature(petition, email=f"s{n}@example.org", name=signer(n), listed=n % 3 != 0, **kind)
        )
    make_signature(petition, email="pending@example.org", name="Never Confirmed", listed=True)
    db.session.commit()
    return petition


def test_the_list_has_everybody_who_agreed_once_at_any_page_size(client, petition):
    expected = {signer(n) for n in range(25) if n % 3 != 0}
    for limit in (1, 3, 500):
        found, after = [], None
        while True:
            query = {"limit": limit, **({"after": after} if after else {})}
            page = client.get("/api/v1/petitions/jardin/signatories", query_string=query).json
            found += [item["name"] for item in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert sorted(found) == sorted(expected)
    assert set(page["items"][0]) == {"party", "name", "profession", "organisation", "confirmed_on"}


def test_the_pages_list_organisations_apart(client, petition):
    page = client.get("/p/jardin/signatories?lang=en").get_data(as_text=True)
    assert "Association 05" in page
    assert "Association 00" not in page  # it did not agree to be named
    assert "Never Confirmed" not in page
    assert f"{signer(1)}<" in page


def test_a_list_that_is_not_public_is_empty(client, petition):
    petition.listing = "none"
    db.session.commit()
    assert client.get("/api/v1/petitions/jardin/signatories").json == {"items": [], "next": None}
    assert signer(1) not in client.get("/p/jardin").get_data(as_text=True)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1e9", "9" * 30, "١٢"])
def test_an_invalid_cursor_is_rejected(client, petition, cursor):
    answer = client.get("/api/v1/petitions/jardin/signatories", query_string={"after": cursor})
    assert answer.status_code == 422
    assert "after" in answer.json["errors"]
    assert client.get("/p/jardin/signatories", query_string={"after": cursor}).status_code == 404


@pytest.mark.usefixtures("new_tables")
def test_the_list_is_read_from_its_indexes(petition):
    asked, this_thread = [], threading.get_ident()

    def note(_connection, _cursor, statement, parameters, *_):
        if "FROM signatures" in statement and threading.get_ident() == this_thread:  # caches refresh in another thread
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for reading in ({}, {"party": "person"}, {"after": "9"}, {"after": "9", "party": "person"}):
            list_signatories(petition, **reading)
        list_organisations(petition)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    with db.engine.connect() as connection:
        # Without an index to use, PostgreSQL scans the table in spite of these settings.
        for other in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET enable_{other} = off")
        plans = ["\n".join(connection.exec_driver_sql(f"EXPLAIN {s}", p).scalars()) for s, p in asked]
    assert len(plans) == 5, asked
    assert all("using ix_signatures_list" in plan for plan in plans[:4]), plans
    # All indexes are nearly empty, so any may be chosen: each of these leads to organisations or listed rows.
    assert re.search("Index (Only )?Scan using", plans[4]), plans[4]


def test_search_engines_index_the_list_only_if_the_campaign_wishes(client):
    petition = make_petition(slug="private")
    indexed = make_petition(slug="indexed", list_indexed=True)
    for one in (petition, indexed):
        signature = make_signature(one, listed=True)
        signature.state, signature.confirmed_at, signature.confirmed_no = "confirmed", signature.created_at, one.id
    db.session.commit()
    tag = '<meta name="robots" content="noindex">'
    for query in ({}, {"after": "5"}, {"lang": "en"}):
        for path in ("/p/{}/signatories", "/api/v1/petitions/{}/signatories"):
            hidden = client.get(path.format("private"), query_string=query)
            shown = client.get(path.format("indexed"), query_string=query)
            assert hidden.status_code == shown.status_code == 200
            assert hidden.headers["X-Robots-Tag"] == "noindex"
            assert "X-Robots-Tag" not in shown.headers
            assert (tag in hidden.text) == path.startswith("/p/")
            assert tag not in shown.text
    for slug, expected in (("private", True), ("indexed", False)):
        letter = client.get(f"/p/{slug}")
        assert "X-Robots-Tag" not in letter.headers, "the letter itself is always to be found"
        assert ("data-nosnippet" in letter.text) is expected
