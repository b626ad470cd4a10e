"""Exact counts in constant time: counters changed in the transaction of the signature that they count."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from petition.core.db import db
from petition.petitions.models import Petition
from petition.petitions.queries import COUNTS_SQL, INCREMENT_MANY_SQL, INCREMENT_SQL
from petition.petitions.statistics.models import COUNTER_SLOTS


@dataclass(frozen=True)
class Count:
    """A petition's signatures that count, and its next goal."""

    people: int
    organisations: int
    paper: int
    goal: int

    @property
    def confirmed(self) -> int:
        """People and organisations that confirmed by email; signatures on paper are shown apart."""
        return self.people + self.organisations

    @property
    def total(self) -> int:
        """All that count, on paper too: what goals are about."""
        return self.confirmed + self.paper


def increment(petition_id: int, cause_id: int, party: str, by: int) -> None:
    """Add to the counter of a party ("person", "organisation" or "paper"): +1, -1, or the size of a paper import.

    `cause_id` is the id of the signature or import; it picks the slot. Flushes.
    """
    parameters = {"petition_id": petition_id, "slot": cause_id % COUNTER_SLOTS, "by": by}
    db.session.execute(INCREMENT_SQL[party], parameters)


def increment_many(signatures: Iterable[tuple[int, int, str]], by: int, connection: Connection | None = None) -> None:
    """Add `by` for each of many signatures, given as (petition id, signature id, party), in one statement. Flushes.

    `connection`: of another database than the session's.
    """
    slots: dict[tuple[int, int], list[int]] = {}
    for petition_id, signature_id, party in signatures:
        slots.setdefault((petition_id, signature_id % COUNTER_SLOTS), [0, 0])[party == "organisation"] += by
    if not slots:
        return
    # In a fixed order, as two transactions that lock the rows in different orders would deadlock.
    rows = [(*key, *slots[key]) for key in sorted(slots)]
    names = ("petition_ids", "slots", "people", "organisations")
    parameters = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    (connection or db.session).execute(INCREMENT_MANY_SQL, parameters)


def get_counts(petitions: list[Petition]) -> dict[int, Count]:
    """Return the count of each petition by its id, in one query over at most `COUNTER_SLOTS` rows each."""
    rows = db.session.execute(COUNTS_SQL, {"petition_ids": [petition.id for petition in petitions]})
    sums = {row.petition_id: (row.people, row.organisations, row.paper) for row in rows}
    counts = {}
    for petition in petitions:
        people, organisations, paper = sums.get(petition.id, (0, 0, 0))
        goal = compute_goal(petition.milestones, people + organisations + paper)
        counts[petition.id] = Count(people, organisations, paper, goal)
    return counts


def get_count(petition: Petition) -> Count:
    """Return the count of one petition."""
    return get_counts([petition])[petition.id]


def compute_goal(milestones: list[int], total: int) -> int:
    """Return the next goal above a count; past the last one, the next of 1, 2.5, 5, 10 … times a power of ten."""
    for milestone in sorted(milestones):
        if milestone > total:
            return milestone
    unit = 10 ** (len(str(total)) - 1)
    return max(100, next(step for step in (unit, unit * 5 // 2, unit * 5, unit * 10) if step > total))
