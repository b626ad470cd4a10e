"""Check the mail queue without the application: one statement and one look at the broker.

Imports psycopg and the Redis client, and neither Flask nor SQLAlchemy: `petition queue check` runs every few seconds.
Uses the same statement and the same function as the page and the metrics.
"""

import json
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row

from petition.core import schema
from petition.operations.health.evaluation import evaluate_health, format_check, health_to_json
from petition.operations.health.facts import HealthFacts, make_parameters, parse_facts
from petition.operations.health.queries import HEALTH_FACTS
from petition.operations.statistics.broker_stats import read_broker_stats

CONNECT_TIMEOUT_SECONDS = 2  # also bounds the wait for a server that is suspended
CRITICAL = 2


@dataclass(frozen=True)
class CheckResult:
    """What a monitoring system gets: 0, 1 or 2, the line, and the same as JSON."""

    code: int
    line: str
    data: str


def check(database_url: str, broker_url: str, slow_after: float, stuck_after: float) -> CheckResult:
    """Return whether mail flows; a database that does not answer is critical. Never raises for an outage."""
    try:
        facts = _read_facts(database_url, slow_after, stuck_after)
    except schema.SchemaMismatch as error:
        return make_outage(str(error))
    except psycopg.Error as error:
        lines = str(error).strip().splitlines()
        return make_outage(f"the database does not answer: {lines[0] if lines else type(error).__name__}")
    health = evaluate_health(facts, read_broker_stats(broker_url))
    return CheckResult(health.exit_code, format_check(health, facts), json.dumps(health_to_json(health)))


def make_outage(problem: str) -> CheckResult:
    """Return the result where the database does not answer, or cannot be used."""
    message = " ".join(f"{problem[0].upper()}{problem[1:]}".split())
    reason = {"status": "stuck", "message": message, "runbook": "PetitionDown"}
    data = {"status": "stuck", "oldest_confirmation": None, "waiting": None, "reasons": [reason]}
    return CheckResult(CRITICAL, f"PETITION CRITICAL - {message}", json.dumps(data))


def _read_facts(database_url: str, slow_after: float, stuck_after: float) -> HealthFacts:
    url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
        if problem := schema.read(lambda statement: connection.execute(statement.encode()).fetchone()).problem:
            raise schema.SchemaMismatch(problem)
        cursor = connection.cursor(row_factory=dict_row)
        row = cursor.execute(HEALTH_FACTS, make_parameters(stuck_after)).fetchone()
    assert row is not None
    return parse_facts(row, slow_after, stuck_after)
