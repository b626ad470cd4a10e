"""A rollup reads only the rows of its batch, even when the planner's statistics say that the log is empty."""

import pytest
from sqlalchemy import text

from petition.core.db import db
from petition.operations.statistics import queries, rollup
from petition.petitions import queries as petition_queries

ROLLUPS = {
    "state_change_log": (
        queries.ROLL_UP,
        "(subject, queue, state, cause, domain, change, entered) SELECT 'signature', '', 'pending', '', '', 1, 1",
    ),
    "campaign_log": (
        petition_queries.ROLLUP_SQL,
        "(petition_id, hour, submitted, mailed, reached, counted) SELECT 1, now(), 1, 0, 0, 0",
    ),
}
ROWS = 3_000


@pytest.mark.usefixtures("new_tables")
@pytest.mark.parametrize("log", ROLLUPS)
def test_rollup_plan_has_no_join_on_the_log(app, log):
    statement, columns = ROLLUPS[log]
    db.session.execute(text(f"ANALYZE {log}"))  # as autovacuum does after a rollup emptied the log
    db.session.execute(text(f"INSERT INTO {log} {columns} FROM generate_series(1, {ROWS})"))
    values = rollup.make_parameters() | {"batch": ROWS}
    values = {name: value for name, value in values.items() if f":{name}" in statement.text}
    plan = "\n".join(db.session.execute(text(f"EXPLAIN {statement.text}"), values).scalars())
    taking = plan.partition("CTE taken")[2].partition("CTE ")[0]
    assert f"Delete on {log}" in taking
    assert "Join" not in taking, plan
    assert "Loop" not in taking, plan
    db.session.rollback()
