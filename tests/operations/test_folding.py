"""Folding a log takes as long as the rows it takes, whatever the statistics say of the log."""

import pytest
from sqlalchemy import text

from petition.core.db import db
from petition.operations import tallies
from petition.petitions import figures

LOGS = {
    "tally_log": (
        tallies,
        "(subject, lane, state, cause, domain, change, entered) SELECT 'signature', '', 'pending', '', '', 1, 1",
    ),
    "campaign_log": (figures, "(petition_id, hour, submitted, mailed, reached, counted) SELECT 1, now(), 1, 0, 0, 0"),
}
ROWS = 3_000


@pytest.mark.parametrize("log", LOGS)
def test_no_row_of_a_log_is_looked_for_in_the_whole_log(app, log):
    feature, columns = LOGS[log]
    db.session.execute(text(f"DELETE FROM {log}"))
    db.session.execute(text(f"ANALYZE {log}"))  # what autovacuum does once everything is folded
    db.session.execute(text(f"INSERT INTO {log} {columns} FROM generate_series(1, {ROWS})"))
    values = {name: getattr(feature, name.upper()) for name in ("batch", "kept") if f":{name}" in feature.FOLD.text}
    plan = "\n".join(db.session.execute(text(f"EXPLAIN {feature.FOLD.text}"), values).scalars())
    taking = plan.partition("CTE taken")[2].partition("CTE ")[0]
    assert f"Delete on {log}" in taking
    assert "Join" not in taking, plan
    assert "Loop" not in taking, plan
    db.session.rollback()
