"""Fold what the triggers logged into the small tables that the view reads."""

from datetime import timedelta

from sqlalchemy import text

from petition.core.db import db

BATCH_SIZE = 20_000  # rows of the log folded by one statement
RETENTION = timedelta(days=2)  # of minutes and hours; the totals are for ever
ADVISORY_LOCK_ID = 7_226_102

ROLL_UP = text("""
    WITH taken AS (
        -- Up to a number, not by joining numbers: when the statistics say that the log is empty, as after each fold,
        -- each row would be looked for in all of them.
        DELETE FROM state_change_log WHERE id <= (
            SELECT max(id) FROM (SELECT id FROM state_change_log ORDER BY id LIMIT :batch) AS oldest) RETURNING *),
    d AS (
        INSERT INTO state_counts (subject, queue, state, n)
        SELECT subject, queue, state, sum(change) FROM taken GROUP BY 1, 2, 3 HAVING sum(change) <> 0
        ON CONFLICT (subject, queue, state) DO UPDATE SET n = state_counts.n + excluded.n),
    g AS (
        INSERT INTO failure_groups (queue, state, cause, domain, n)
        SELECT queue, state, cause, domain, sum(change) FROM taken
        WHERE subject = 'delivery' AND state IN ('deferred', 'failed', 'unknown')
        GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0
        ON CONFLICT (queue, state, cause, domain) DO UPDATE SET n = failure_groups.n + excluded.n),
    m AS (
        INSERT INTO minute_rollups (minute, subject, queue, state, reason, bucket, n)
        SELECT minute, subject, queue, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 AND minute > now() - CAST(:kept AS interval) GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (minute, subject, queue, state, reason, bucket) DO UPDATE SET n = minute_rollups.n + excluded.n),
    t AS (
        INSERT INTO totals (subject, queue, state, reason, bucket, n)
        SELECT subject, queue, state, reason_class(cause), coalesce(bucket, -1), sum(entered) FROM taken
        WHERE entered > 0 GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (subject, queue, state, reason, bucket) DO UPDATE SET n = totals.n + excluded.n),
    h AS (
        INSERT INTO domain_rollups (hour, domain, state, bucket, n)
        SELECT hour, domain, state, CASE WHEN state = 'confirmed' THEN coalesce(bucket, -1) ELSE -1 END, sum(entered)
        FROM taken WHERE entered > 0 AND domain <> '' AND hour > now() - CAST(:kept AS interval) GROUP BY 1, 2, 3, 4
        ON CONFLICT (hour, domain, state, bucket) DO UPDATE SET n = domain_rollups.n + excluded.n)
    SELECT count(*) FROM taken
""")
DELETE_EXPIRED = (
    text("DELETE FROM failure_groups WHERE n = 0"),
    text("DELETE FROM minute_rollups WHERE minute < now() - CAST(:kept AS interval)"),
    text("DELETE FROM domain_rollups WHERE hour < now() - CAST(:kept AS interval)"),
)


def roll_up() -> int:
    """Fold one batch of the log, unless another process is at it; returns how many rows of the log that was.

    The figures are the same before and after. Commits, as the lock that keeps others out lasts as long.
    """
    if not db.session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK_ID}):
        db.session.rollback()
        return 0
    folded = int(db.session.scalar(ROLL_UP, {"batch": BATCH_SIZE, "kept": RETENTION}) or 0)
    db.session.commit()
    return folded


def delete_expired() -> None:
    """Drop what no figure reads any more. Commits."""
    db.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK_ID})
    for statement in DELETE_EXPIRED:
        db.session.execute(statement, {"kept": RETENTION} if ":kept" in statement.text else {})
    db.session.commit()
