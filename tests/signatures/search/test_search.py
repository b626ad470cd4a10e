"""The team's search: what each filter finds, its order, its query plans, and what stays out of the audit trail."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.safeguards.ip_networks import hash_network
from petition.signatures.models import Signature
from petition.signatures.search import queries as search_queries
from petition.signatures.search import search as search_module
from petition.signatures.search.filters import Filter, parse_filter
from petition.signatures.search.models import SavedSearch
from petition.signatures.search.search import search
from petition.signatures.tasks import run_retention
from petition.team.models import AuditEvent


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner")


def found(**filters):
    return [signature.email for signature in search(parse_filter(filters)).items]


@pytest.fixture
def three_signatures(app):
    """Three signatures that differ in everything, the oldest first."""
    petition = make_petition()
    make_signature(
        petition, name="Zoé Martin", email="jean.dupont@gmail.com", profession="Avocate au barreau", city="Nîmes",
        state="confirmed", created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        confirmed_at=datetime(2026, 3, 2, 23, 59, tzinfo=UTC),
    )  # fmt: skip
    make_signature(
        petition, name="Ann O'Neil", party="organisation", organisation="L'Observatoire des prisons",
        email="contact@rare.example", created_at=datetime(2026, 4, 1, tzinfo=UTC),
        network=hash_network("192.0.2.0/24")[0],
    )  # fmt: skip
    make_signature(
        make_petition(slug="parc"), name="Mart_in %", email="M@Example.org", network=hash_network("192.0.2.0/24")[0]
    )
    return petition


@pytest.mark.parametrize(
    ("filters", "emails"),
    [
        ({}, ["M@example.org", "contact@rare.example", "jean.dupont@gmail.com"]),
        ({"name": "martin"}, ["jean.dupont@gmail.com"]),
        ({"name": "zo mar"}, ["jean.dupont@gmail.com"]),
        ({"name": "zoé"}, ["jean.dupont@gmail.com"]),
        ({"name": "artin"}, []),
        ({"name": "observ"}, ["contact@rare.example"]),
        ({"name": "o'neil & | !"}, ["contact@rare.example"]),
        ({"email": "JeanDupont+lettre@googlemail.com"}, ["jean.dupont@gmail.com"]),
        ({"email": "jean.d"}, ["jean.dupont@gmail.com"]),
        ({"email": "m@EX"}, ["M@example.org"]),
        ({"email": "_@"}, []),
        ({"profession": "avocat"}, ["jean.dupont@gmail.com"]),
        ({"profession": "%"}, []),
        ({"city": "nim"}, ["jean.dupont@gmail.com"]),
        ({"city": "NÎMES"}, ["jean.dupont@gmail.com"]),
        ({"city": "mes"}, []),
        ({"state": "confirmed"}, ["jean.dupont@gmail.com"]),
        ({"party": "organisation"}, ["contact@rare.example"]),
        ({"domain": "googlemail.com"}, ["jean.dupont@gmail.com"]),
        ({"domain": "@RARE.example"}, ["contact@rare.example"]),
        ({"petition": "parc"}, ["M@example.org"]),
        ({"petition": "nowhere"}, []),
        ({"created_since": "2026-03-01", "created_until": "2026-03-01"}, ["jean.dupont@gmail.com"]),
        ({"created_until": "2026-04-01"}, ["contact@rare.example", "jean.dupont@gmail.com"]),
        ({"confirmed_since": "2026-03-02", "confirmed_until": "2026-03-02"}, ["jean.dupont@gmail.com"]),
        ({"confirmed_until": "2026-03-01"}, []),
        ({"network": "192.0.2.77"}, ["M@example.org", "contact@rare.example"]),
        ({"network": "192.0.2.0/24", "party": "person"}, ["M@example.org"]),
        ({"network": "#2"}, ["M@example.org", "contact@rare.example"]),
        ({"network": "#1"}, []),
        ({"network": "198.51.100.1"}, []),
    ],
)
def test_each_filter_finds_what_it_names_newest_first(three_signatures, monkeypatch, filters, emails):
    assert found(**filters) == emails
    # The same when there are too many to count.
    monkeypatch.setattr(search_module, "MAX_COUNTED_ROWS", 0)
    assert found(**filters) == emails


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "nonsense"), ("party", "x"), ("domain", "not a domain"), ("network", "here"), ("name", "%_"),
        ("network", "#" + "9" * 30), ("created_since", "yesterday"), ("confirmed_until", "0001-01-01"),
        ("created_until", "9999-12-31"),
    ],
)  # fmt: skip
def test_an_invalid_criterion_is_refused_and_the_form_keeps_its_values(client, campaigner, field, value):
    with pytest.raises(DomainError):
        parse_filter({field: value})
    answer = post_form(client, "/desk/signatures/", **{field: value, "email": "kept@example.org"})
    assert answer.status_code == 422
    assert "kept@example.org" in answer.text
    assert db.session.query(SavedSearch).count() == 0


def test_pages_have_every_signature_once(app, monkeypatch):
    petition = make_petition()
    for number in range(7):
        make_signature(petition, email=f"s{number}@example.org")
    for counted in (1000, 3):
        monkeypatch.setattr(search_module, "MAX_COUNTED_ROWS", counted)
        before, seen = None, []
        while True:
            page = search(Filter(domain="example.org"), before, limit=3)
            assert page.total == (7 if counted == 1000 else None)
            seen += [signature.id for signature in page.items]
            if page.next is None:
                break
            before = int(page.next)
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == 7


def test_a_search_is_saved_for_its_owner_for_a_day_under_a_number(client, campaigner, three_signatures):
    answer = post_form(client, "/desk/signatures/", email="jean.dupont@gmail.com")
    path = answer.headers["Location"]
    assert re.fullmatch(r"/desk/signatures/searches/\d+", path)
    page = client.get(path + "?lang=en").text
    assert "Zoé Martin" in page
    assert "1 signature<" in page
    assert "Observatoire" not in page
    record = db.session.query(AuditEvent).filter_by(action="signature.searched").one()
    assert record.after == {"by": ["email"]}
    other = client.application.test_client()
    sign_in(other, "campaigner", email="other@example.org")
    assert other.get(path).status_code == 404
    db.session.execute(text("UPDATE saved_searches SET created_at = now() - interval '25 hours'"))
    db.session.commit()
    assert client.get(path).status_code == 404
    run_retention()
    assert db.session.query(SavedSearch).count() == 0


def test_an_empty_list_and_an_invalid_cursor_are_explained(client, campaigner):
    assert "Nobody has signed yet" in client.get("/desk/signatures/?lang=en").text
    assert client.get("/desk/signatures/?before=99999999999999999999").status_code == 200
    assert client.get("/desk/signatures/searches/99999999999999999999").status_code == 404
    answer = post_form(client, "/desk/signatures/", name="nobody\0")
    assert "No signature matches" in client.get(answer.headers["Location"] + "?lang=en").text
    assert post_form(client, "/desk/signatures/").headers["Location"] == "/desk/signatures/"


def test_a_search_that_times_out_asks_for_a_narrower_one(client, campaigner, three_signatures, monkeypatch):
    monkeypatch.setattr(search_module, "STATEMENT_TIMEOUT", "1ms")
    monkeypatch.setattr(search_queries, "_match_name", lambda name: text("pg_sleep(0.2) IS NOT NULL"))
    answer = post_form(client, "/desk/signatures/", name="zoé")
    page = client.get(answer.headers["Location"] + "?lang=en")
    assert page.status_code == 422
    assert "narrow it" in page.text
    assert "zoé" in page.text


def test_the_network_of_a_signature_is_stored_as_a_hash_until_a_month_after_closing(client, app):
    petition = make_petition()
    client.post(f"/p/{petition.slug}/sign", data={"name": "Zoé", "email": "zoe@example.org"},
                headers={"X-Forwarded-For": "203.0.113.9"})  # fmt: skip
    client.post(f"/api/v1/petitions/{petition.slug}/signatures", json={"name": "Léo", "email": "leo@example.org"},
                headers={"X-Forwarded-For": "2001:db8:1:2::9"})  # fmt: skip
    assert found(network="203.0.113.200") == ["zoe@example.org"]
    assert found(network="2001:db8:1:ffff::") == ["leo@example.org"]
    assert "203.0" not in str([signature.network for signature in db.session.query(Signature)])
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(days=31)
    db.session.query(Signature).update({"requested_at": clock.now() - timedelta(days=32), "state": "confirmed"})
    db.session.commit()
    run_retention()
    db.session.expire_all()
    assert [signature.network for signature in db.session.query(Signature)] == [None, None]


def fill(rows):
    """Insert many signatures of two petitions; all rare values are among the oldest.

    Given names are 300: PostgreSQL makes no use of the statistics of words for a prefix where fewer than 100 are common
    (src/backend/tsearch/ts_selfuncs.c), and would guess that "signer" is rare.
    """
    make_petition()
    make_petition(slug="parc")
    db.session.execute(
        text("""
        INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, profession, city, locale,
                                listed, updates, source, generation, valid_from, created_at, requested_at, confirmed_at,
                                network)
        SELECT CASE WHEN n % 3000 = 7 AND n < 15000 THEN 2 ELSE 1 END, 'person',
               CASE WHEN n < 40 THEN 'invalidated' WHEN n % 10 < 9 THEN 'confirmed' ELSE 'pending' END,
               CASE WHEN n < 3000 AND n % 500 = 3 THEN 'Rara Avis' ELSE 'Signer Given' || n % 300 || ' ' || n END,
               's' || n || '@d.fr',
               's' || n || '@' || CASE WHEN n < 60 THEN 'rare.example' ELSE 'd' || n % 40 || '.fr' END,
               CASE WHEN n % 9000 = 4 THEN 'Horloger' ELSE 'role ' || n % 90 END,
               CASE WHEN n % 9000 = 5 THEN 'Nîmes' WHEN n % 2 = 1 THEN 'town ' || n % 90 END,
               'fr', true, false, 'page', 1, 1,
               at, at, CASE WHEN n % 10 < 9 THEN at + interval '1 h' END,
               CASE WHEN n < 50 THEN repeat('a', 32) WHEN n > :rows - 20000 THEN md5((n % 900)::text) END
        FROM (SELECT n, now() - interval '100 days' + n * interval '100 days' / :rows AS at
              FROM generate_series(1, :rows) AS n) AS made
    """),
        {"rows": rows},
    )
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE signatures")


def count_rows_read(plan):
    """Return how many rows the scans of a plan read from tables, those filtered out included."""
    rows = sum(count_rows_read(child) for child in plan.get("Plans", ()))
    if plan["Node Type"].endswith("Scan") and plan["Node Type"] != "Bitmap Index Scan":
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        rows += (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return rows


def record_search_statements(filters):
    """Return the statements on signatures that a search executes."""
    statements = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if "FROM signatures" in statement:
            statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        search(parse_filter(filters))
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
        db.session.rollback()
    return statements


def explain(connection, statement, parameters):
    plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
    return plan.scalar_one()[0]["Plan"]


@pytest.mark.slow
@pytest.mark.usefixtures("new_tables")
def test_no_search_reads_the_whole_table(app):
    rows = 60_000
    fill(rows)
    day = (clock.now() - timedelta(days=95)).date().isoformat()
    for filters in (
        {}, {"name": "rara"}, {"email": "s777@"}, {"email": "s9@d9.fr"}, {"profession": "horlo"},
        {"city": "nim"}, {"state": "invalidated"}, {"domain": "rare.example"}, {"petition": "parc"},
        {"created_since": day, "created_until": day},
        {"confirmed_since": day, "confirmed_until": day}, {"network": "#1"}, {"domain": "d9.fr", "state": "pending"},
        {"name": "signer", "state": "confirmed"},
    ):  # fmt: skip
        statements = record_search_statements(filters)
        assert len(statements) >= 2
        with db.engine.connect() as connection:
            connection.exec_driver_sql("SET plan_cache_mode = force_custom_plan")
            for statement, parameters in statements:
                plan = explain(connection, statement, parameters)
                assert count_rows_read(plan) < rows / 4, (filters, statement, plan)
    # The count can tell: without its index, the same search reads the whole table.
    statement, parameters = record_search_statements({"email": "s777@"})[0]
    with db.engine.connect() as connection:
        connection.exec_driver_sql("DROP INDEX ix_signatures_email")
        assert count_rows_read(explain(connection, statement, parameters)) >= rows
        connection.rollback()


def test_results_and_filter_name_the_petition_by_its_title(client, three_signatures, campaigner):
    three_signatures.texts["fr"].title = "Un jardin & des arbres"
    db.session.commit()
    page = client.get("/desk/signatures/?lang=fr").text
    assert '<option value="jardin">Un jardin &amp; des arbres</option>' in page
    assert "<bdi>Un jardin &amp; des arbres</bdi></a>" in page


def test_the_signatures_of_one_petition_do_not_repeat_its_title(client):
    make_signature(make_petition())
    sign_in(client, "campaigner")
    column = '<th scope="col">Petition</th>'
    assert column not in client.get("/desk/signatures/petition/jardin?lang=en").text
    assert column in client.get("/desk/signatures/?lang=en").text


def test_the_tabs_of_the_campaign_stay_while_a_search_of_it_is_shown(client, campaigner, three_signatures):
    answer = post_form(client, "/desk/signatures/", petition="jardin", city="nimes")
    page = client.get(answer.headers["Location"] + "?lang=en").text
    current = '<a class="nav-link" aria-current="page" href="/desk/signatures/petition/jardin">Signatures</a>'
    assert current in page
    assert 'href="/desk/petitions/jardin/updates"' in page
    everywhere = post_form(client, "/desk/signatures/", city="nimes")
    assert "/desk/petitions/jardin/updates" not in client.get(everywhere.headers["Location"]).text
