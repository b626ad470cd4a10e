"""Check PostgreSQL: reachable, writable, its version, schema, encoding, collation and durability; and the clocks."""

import time
from typing import Any

import psycopg
from flask import current_app
from psycopg.rows import dict_row, tuple_row

from petition.core import schema
from petition.core.i18n import N_
from petition.operations.doctor.findings import Finding, ok, warning, wrong

CHECK = "database"
CLOCK = "clock"
CONNECT_TIMEOUT_SECONDS = 4
TESTED_VERSION = 18
CLOCK_WARNING_SECONDS, CLOCK_WRONG_SECONDS = 2.0, 30.0
# One round trip.
FACTS = """
    SELECT current_setting('server_version_num')::int / 10000 AS version,
           pg_encoding_to_char(encoding) AS encoding,
           datcollversion AS collation_version,
           pg_database_collation_actual_version(oid) AS actual_collation_version,
           pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS read_only,
           current_setting('fsync')::bool AND current_setting('full_page_writes')::bool AS safe_from_crashes,
           current_setting('synchronous_commit') <> 'off' AS synchronous_commit,
           extract(epoch FROM clock_timestamp())::float8 AS now
    FROM pg_database WHERE datname = current_database()
"""


def check_database() -> list[Finding]:
    """Return what is found at DATABASE_URL, at DATABASE_REPLICA_URL if set, and how the clocks differ."""
    try:
        with connect(current_app.config["DATABASE_URL"]) as connection:
            started = time.time()
            facts = connection.execute(FACTS).fetchone()
            middle = (started + time.time()) / 2
            assert facts is not None
            cursor = connection.cursor(row_factory=tuple_row)
            state = schema.read(lambda statement: cursor.execute(statement.encode()).fetchone())
    except psycopg.Error as error:
        text = N_("The database does not answer: %(error)s")
        advice = N_("Check DATABASE_URL, and that PostgreSQL runs and lets this host in.")
        return [wrong(CHECK, text, advice, error=_first_line(error))]
    findings = [*_check_schema(state), *_check_server(facts), *_check_replica()]
    if not findings:
        findings = [
            ok(CHECK, N_("PostgreSQL %(version)s answers, with the schema of this release."), version=facts["version"])
        ]
    return [*findings, _check_clock(facts["now"] - middle)]


def connect(url: str) -> "psycopg.Connection[dict[str, Any]]":
    """Connect to the database of a URL, with short timeouts. Raises `psycopg.Error`."""
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    options = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": "-c statement_timeout=4000"}
    return psycopg.connect(plain, autocommit=True, row_factory=dict_row, **options)  # type: ignore[arg-type]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _check_schema(state: schema.Schema) -> list[Finding]:
    head = schema.head_revision()
    if state.revision is None:
        text = N_("The database is empty: it has no schema.")
        return [wrong(CHECK, text, N_("Run `petition db upgrade`."))]
    if state.is_newer:
        text = N_("The schema is at %(revision)s, newer than this release (%(head)s), which may run on it.")
        advice = N_("Start the newer release when you can.")
        return [warning(CHECK, text, advice, revision=state.revision, head=head)]
    if state.problem:
        text = N_("The schema is at %(revision)s, this release needs %(head)s.")
        advice = N_("Run `petition db upgrade` with the newest release installed, and restart all processes.")
        return [wrong(CHECK, text, advice, revision=state.revision, head=head)]
    return []


def _check_server(facts: dict[str, Any]) -> list[Finding]:
    findings = []
    if facts["read_only"]:
        text = N_("The database is read-only: DATABASE_URL leads to a replica, or writes are switched off.")
        findings.append(wrong(CHECK, text, N_("Point DATABASE_URL to the primary (target_session_attrs=read-write).")))
    if facts["encoding"] != "UTF8":
        text = N_("The database’s encoding is %(encoding)s: names in other scripts cannot be stored.")
        advice = N_("Create it again with ENCODING 'UTF8' TEMPLATE template0, and restore the data into it.")
        findings.append(wrong(CHECK, text, advice, encoding=facts["encoding"]))
    if facts["actual_collation_version"] and facts["collation_version"] != facts["actual_collation_version"]:
        text = N_("The system’s rules for sorting changed since the indexes were built: searches may miss rows.")
        advice = N_("Run REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION.")
        findings.append(wrong(CHECK, text, advice))
    if not current_app.config["PETITION_EMBEDDED"] and not (facts["safe_from_crashes"] and facts["synchronous_commit"]):
        text = N_("PostgreSQL loses accepted signatures when its machine crashes.")
        advice = N_("Set fsync, full_page_writes and synchronous_commit to on in postgresql.conf.")
        findings.append(wrong(CHECK, text, advice))
    if facts["version"] < TESTED_VERSION:
        text = N_("PostgreSQL %(version)s is older than %(tested)s, on which this release is tested.")
        advice = N_("Upgrade PostgreSQL when you can.")
        findings.append(warning(CHECK, text, advice, version=facts["version"], tested=TESTED_VERSION))
    return findings


def _check_replica() -> list[Finding]:
    url = current_app.config["DATABASE_REPLICA_URL"]
    if not url:
        return []
    try:
        with connect(url) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        text = N_("The read replica does not answer: %(error)s")
        advice = N_("Check DATABASE_REPLICA_URL, or remove it: lists and exports use the primary.")
        return [warning(CHECK, text, advice, error=_first_line(error))]
    return []


def _check_clock(ahead: float) -> Finding:
    seconds = abs(ahead)
    advice = N_("Set up time synchronisation (chrony or systemd-timesyncd) on both hosts.")
    if seconds > CLOCK_WARNING_SECONDS:
        finding = wrong if seconds > CLOCK_WRONG_SECONDS else warning
        text = N_("The clocks of this host and of the database differ by %(seconds)s s.")
        return finding(CLOCK, text, advice, seconds=round(seconds))
    return ok(CLOCK, N_("This host and the database have the same time."))
