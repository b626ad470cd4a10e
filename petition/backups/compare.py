"""Fingerprints of a database, by which a restored copy is compared with its original."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]

TABLES_SQL = """
    SELECT c.relname, EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'id' AND a.attidentity <> '')
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""
# What a table's rows add up to: independent of their order, keyed so that the report reveals nothing about a row.
TABLE_SQL = """
    SELECT count(*), {latest}, coalesce(sum(('x' || substr(md5({key} || t::text), 1, 15))::bit(60)::bigint), 0)
    FROM {table} AS t
"""
# Indexes, constraints, triggers, functions, sequences and views, by kind.
OBJECTS_SQL = """
    SELECT 'indexes', count(*) FROM pg_indexes WHERE schemaname = 'public' UNION ALL
    SELECT 'constraints', count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL
    SELECT 'triggers', count(*) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal UNION ALL
    SELECT 'functions', count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL
    SELECT 'sequences', count(*) FROM pg_sequences WHERE schemaname = 'public' UNION ALL
    SELECT 'views', count(*) FROM pg_views WHERE schemaname = 'public'
"""
# Sequences that would give an id again.
BEHIND_SQL = "SELECT coalesce(last_value, 0) < {latest} FROM pg_sequences WHERE schemaname = 'public' AND {name}"
SEQUENCE_NAME = (
    "quote_ident(schemaname) || '.' || quote_ident(sequencename) = pg_get_serial_sequence(quote_ident({table}), 'id')"
)
# Counters that differ from the rows that they count.
MISCOUNTED_SQL = """
    SELECT count(*) FROM (
        SELECT petition_id, count(*) FILTER (WHERE party = 'person') AS people,
            count(*) FILTER (WHERE party = 'organisation') AS organisations
        FROM signatures WHERE state = 'confirmed' GROUP BY petition_id
    ) AS counted
    FULL JOIN (
        SELECT petition_id, sum(people) AS people, sum(organisations) AS organisations
        FROM petition_counts GROUP BY petition_id
    ) AS counters USING (petition_id)
    WHERE coalesce(counted.people, 0) <> coalesce(counters.people, 0)
        OR coalesce(counted.organisations, 0) <> coalesce(counters.organisations, 0)
"""


@dataclass(frozen=True)
class TableFingerprint:
    """What a table's rows add up to. `latest_id` is None for a table without numbers of its own."""

    rows: int
    latest_id: int | None
    digest: str


@dataclass(frozen=True)
class Fingerprint:
    """What a database has: its tables, and how many objects of each kind."""

    tables: dict[str, TableFingerprint]
    objects: dict[str, int]

    def differences(self, other: "Fingerprint") -> list[str]:
        """Return what differs from another, one line each."""
        found = []
        for name in sorted(self.tables.keys() | other.tables.keys()):
            ours, theirs = self.tables.get(name), other.tables.get(name)
            if ours is None or theirs is None:
                found.append(f"table {name} is {'missing' if theirs is None else 'new'}")
            elif ours.rows != theirs.rows:
                found.append(f"table {name}: {ours.rows:,} rows became {theirs.rows:,}")
            elif ours != theirs:
                found.append(f"table {name}: as many rows, with other values")
        return found + [
            f"{kind}: {n} became {other.objects.get(kind, 0)}"
            for kind, n in self.objects.items()
            if n != other.objects.get(kind, 0)
        ]


def take_fingerprint(connection: Connection, key: str) -> Fingerprint:
    """Read whole tables, in the connection's transaction."""
    tables = {}
    for name, has_id in connection.execute(TABLES_SQL).fetchall():
        query = sql.SQL(TABLE_SQL).format(
            latest=sql.SQL("max(t.id)" if has_id else "NULL::bigint"),
            key=sql.Literal(key),
            table=sql.Identifier("public", name),
        )
        rows, latest, digest = connection.execute(query).fetchone() or (0, None, 0)
        tables[name] = TableFingerprint(rows, latest, f"{int(digest):x}"[-12:].rjust(12, "0"))
    return Fingerprint(tables, dict(connection.execute(OBJECTS_SQL).fetchall()))


def find_reused_ids(connection: Connection, fingerprint: Fingerprint) -> list[str]:
    """Return the tables whose next number was given already."""
    behind = []
    for name, table in fingerprint.tables.items():
        if table.latest_id is None:
            continue
        same = sql.SQL(SEQUENCE_NAME).format(table=sql.Literal(name))
        query = sql.SQL(BEHIND_SQL).format(latest=sql.Literal(table.latest_id), name=same)
        row = connection.execute(query).fetchone()
        if row is None or row[0]:
            behind.append(name)
    return behind


def count_miscounted(connection: Connection) -> int:
    """Return how many petitions have counters that differ from their confirmed signatures."""
    row = connection.execute(MISCOUNTED_SQL).fetchone()
    return row[0] if row else 0
