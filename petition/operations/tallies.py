"""Fold what the triggers logged into the small tables that the view reads."""

from datetime import timedelta

from sqlalchemy import text

from petition.core.db import db

BATCH = 20_000  # rows of the log folded by one statement
KEPT = timedelta(days=2)  # of minutes and hours; the totals are for ever
LOCK = 7_226_102

FOLD = text("""
    WITH taken AS (
        -- Up to a number, not by joining numbers: when the statistics say that the log is empty, as after each fold,
        -- each row would be looked for in all of them.
        DELETE FROM tally_log WHERE id <= (
            SELECT max(id) FROM (SELECT id FROM tally_log ORDER BY id LIMIT :batch) AS oldest) RETURNING *),
    d AS (
        INSERT INTO depths (subject, lane, state, n)
        SELECT subject, lane, state, sum(change) FROM taken GROUP BY 1, 2, 3 HAVING sum(change) <> 0
        ON CONFLICT (subject, lane, state) DO UPDATE SET n = depths.n + excluded.n),
    g AS (
        INSERT INTO failure_groups (lane, state, cause, domain, n)
        SELECT lane, state, cause, domain, sum(change) FROM taken
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')
        GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0
        ON CONFLICT (lane, state, cause, domain) DO UPDATE SET n = failure_groups.n + excluded.n),
    m AS (
        INSERT INTO minute_tallies (minute, subject, lane, state, reason, bucket, n)
        SELECT minute, subject, lane, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 AND minute > now() - CAST(:kept AS interval) GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (minute, subject, lane, state, reason, bucket) DO UPDATE SET n = minute_tallies.n + excluded.n),
    t AS (
        INSERT INTO totals (subject, lane, state, reason, bucket, n)
        SELECT subject, lane, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (subject, lane, state, reason, bucket) DO UPDATE SET n = totals.n + excluded.n),
    h AS (
        INSERT INTO domain_tallies (hour, domain, state, bucket, n)
        SELECT hour, domain, state, CASE WHEN state = 'confirmed' THEN coalesce(bucket, -1) ELSE -1 END, sum(entered)
        FROM taken WHERE entered > 0 AND domain <> '' AND hour > now() - CAST(:kept AS interval) GROUP BY 1, 2, 3, 4
        ON CONFLICT (hour, domain, state, bucket) DO UPDATE SET n = domain_tallies.n + excluded.n)
    SELECT count(*) FROM taken
""")
FORGET = (
    text("DELETE FROM failure_groups WHERE n = 0"),
    text("DELETE FROM minute_tallies WHERE minute < now() - CAST(:kept AS interval)"),
    text("DELETE FROM domain_tallies WHERE hour < now() - CAST(:kept AS interval)"),
)


def fold() -> int:
    """Fold one batch of the log, unless another process is at it; returns how many rows of the log that was.

    The figures are the same before and after. Commits, as the lock that keeps others out lasts as long.
    """
    if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}):
        db.session.rollback()
        return 0
    folded = int(db.session.scalar(FOLD, {"batch": BATCH, "kept": KEPT}) or 0)
    db.session.commit()
    return folded


def forget() -> None:
    """Drop what no figure reads any more. Commits."""
    db.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    for statement in FORGET:
        db.session.execute(statement, {"kept": KEPT} if ":kept" in statement.text else {})
    db.session.commit()
