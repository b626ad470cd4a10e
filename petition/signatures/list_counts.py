"""Compare the numbers of people in the public lists, which triggers keep, with the rows, and correct them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from petition.core.db import db

# In one statement, so that what is committed meanwhile is on both sides or on neither. The condition is
# `models.LISTED_PERSON_SQL`, of whose index it is.
WRONG_LIST_COUNTS_SQL = text("""
    SELECT petition_id, coalesce(c.n, 0)::bigint AS found, coalesce(s.n, 0) AS expected
    FROM (SELECT petition_id, sum(people) AS n FROM list_counts GROUP BY 1) AS c
    FULL JOIN (SELECT petition_id, count(*) AS n FROM signatures
               WHERE state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved') AND party = 'person'
               GROUP BY 1) AS s USING (petition_id)
    WHERE coalesce(c.n, 0) <> coalesce(s.n, 0)
""")
CORRECT_LIST_COUNT_SQL = text("""
    INSERT INTO list_counts AS counts (petition_id, slot, people) VALUES (:petition_id, 0, :change)
    ON CONFLICT (petition_id, slot) DO UPDATE SET people = counts.people + excluded.people
""")


def find_wrong() -> Sequence[Any]:
    """Return the petitions whose number differs from the rows: `petition_id`, `found`, `expected`."""
    return db.session.execute(WRONG_LIST_COUNTS_SQL).all()


def correct(petition_id: int, change: int) -> None:
    """Add a difference to the number of a petition. Flushes, does not commit."""
    db.session.execute(CORRECT_LIST_COUNT_SQL, {"petition_id": petition_id, "change": change})
