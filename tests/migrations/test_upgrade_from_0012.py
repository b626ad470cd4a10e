"""A database at revision 0012, the last before the schema was squashed, upgrades to the same schema as a new one."""

import re
from pathlib import Path

import psycopg
import pytest
from support.settings import environment

from config import Config
from petition.app import create_app
from petition.core import migrations, schema

SCHEMA_0012 = Path(__file__).with_name("schema_0012.sql")
SCHEMA = """
    SELECT 'column', table_name, column_name, data_type, character_maximum_length::text, is_nullable, column_default,
           identity_generation
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef, '', '', '', '' FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '', '', ''
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', proname, '', pg_get_functiondef(oid), '', '', '', ''
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'sequence', relname, '', '', '', '', '', '' FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
ROWS = """
    INSERT INTO petitions (slug, kind, state, default_language, sender_name, asks, listing, accepts_organisations,
                           milestones)
    VALUES ('jardin', 'petition', 'open', 'fr', 'Le jardin', '{}', 'opt_in', true, '{}');
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from)
    VALUES (1, 'person', 'pending', 'Zoé', 'zoe@example.org', 'zoe@example.org', 'fr', true, false, 'page', 1, 1);
    INSERT INTO deliveries (kind, lane, state, attempt, petition_id, subject_id, generation)
    VALUES ('reminder', 'notices', 'due', 0, 1, 1, 1);
    INSERT INTO attempts (delivery_id, rung_at, rung_by, ended_at, state, words)
    VALUES (1, now(), 'doorbell', now(), 'deferred', '451 later');
    INSERT INTO holds (scope, reason, strikes) VALUES ('notices', 'asked by the provider', 0);
    INSERT INTO runs (subject, verb, state, filter, asked_by, total, done, skipped)
    VALUES ('deliveries', 'retry', 'draft', '{"lane": "notices", "state": "failed"}', 'alix', 1, 0, 0);
    INSERT INTO paper_imports (petition_id, state, file_name, asked_by, lines, added, problems)
    VALUES (1, 'draft', 'a.csv', 'alix', 1, 0, '[]'), (1, 'done', 'b.csv', 'alix', 2, 2, '[]');
    INSERT INTO paper_signatures (petition_id, import_id, line, name)
    VALUES (1, 1, 2, 'Ana Diaz'), (1, 2, 2, 'Zoé Martin'), (1, 2, 3, 'Jean Roy');
"""


def _schema(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(SCHEMA).fetchall()
    # A condition that went through a dump has other casts and brackets, and the same meaning.
    return sorted(
        tuple(re.sub(r"::(character varying|text)(\[\])?|[()]", "", text or "") for text in row) for row in rows
    )


@pytest.fixture
def upgraded(new_database, worker_number, redis_url):
    """Yield a connection to a database that was at 0012, with a row in each table that changes, and was upgraded."""
    url = new_database(f"upgraded_{worker_number}")
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(SCHEMA_0012.read_text())
        connection.execute("SET search_path = public")
        connection.execute(ROWS)
    app = create_app(Config(environment(url, redis_url)))
    with app.app_context():
        migrations.upgrade()
        assert migrations.read_schema().revision == schema.head_revision()
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def test_schema_is_that_of_a_new_database(upgraded, database_url):
    new = _schema(database_url.replace("postgresql+psycopg://", "postgresql://"))
    assert _schema(upgraded.info.dsn) == new


def test_rows_are_kept_under_their_new_names(upgraded):
    def row(query: str) -> tuple:
        return upgraded.execute(query).fetchone()

    assert row("SELECT kind, queue, state FROM deliveries") == ("reminder", "notifications", "due")
    assert row("SELECT woken_by, response FROM attempts") == ("wakeup", "451 later")
    assert row("SELECT scope FROM pauses") == ("notifications",)
    assert row("SELECT filter FROM bulk_actions") == ({"queue": "notifications", "state": "failed"},)
    assert row("SELECT sum(change) FROM state_change_log WHERE subject = 'delivery' AND queue = 'notifications'") == (
        1,
    )
    upgraded.execute("UPDATE deliveries SET state = 'sent', settled_at = now()")
    assert row("SELECT sum(change) FROM state_change_log WHERE subject = 'delivery' AND state = 'sent'") == (1,)


def test_paper_signatures_count_unless_their_import_is_a_draft(upgraded):
    rows = upgraded.execute("SELECT name, counted FROM paper_signatures ORDER BY id").fetchall()
    assert rows == [("Ana Diaz", False), ("Zoé Martin", True), ("Jean Roy", True)]
    assert upgraded.execute("SELECT state, waiting FROM paper_imports ORDER BY id").fetchall() == [
        ("draft", 1),
        ("done", 0),
    ]
