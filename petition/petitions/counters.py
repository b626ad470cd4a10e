"""The exact count, in constant time, changed in the transaction of the signature it counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.petitions.models import COUNTER_SLOTS, Petition, PetitionCount


@dataclass(frozen=True)
class Count:
    """A petition's confirmed signatures and its next milestone."""

    people: int
    organisations: int
    paper: int
    goal: int

    @property
    def confirmed(self) -> int:
        """People and organisations that confirmed by email; paper is shown apart."""
        return self.people + self.organisations


COUNTER_COLUMN_BY_PARTY = {"person": "people", "organisation": "organisations", "paper": "paper"}
# Plain, as it is the way of every signature.
INCREMENT_SQL = {
    column: text(f"""
        INSERT INTO petition_counts AS counts (petition_id, slot, {column}) VALUES (:petition_id, :slot, :by)
        ON CONFLICT (petition_id, slot) DO UPDATE SET {column} = counts.{column} + :by
    """)  # noqa: S608 - constants
    for column in COUNTER_COLUMN_BY_PARTY.values()
}

# The same within a statement that has the signatures to count in as `counted`.
INCREMENT_CONFIRMED_SQL = f"""
    INSERT INTO petition_counts AS counts (petition_id, slot, people, organisations)
    SELECT petition_id, id % {COUNTER_SLOTS}, (party = 'person')::int, (party = 'organisation')::int FROM counted
    ON CONFLICT (petition_id, slot) DO UPDATE
    SET people = counts.people + excluded.people, organisations = counts.organisations + excluded.organisations
"""  # noqa: S608 - constants


def increment(petition_id: int, cause_id: int, party: str, by: int) -> None:
    """Count a signature in (+1) or out (-1), or as many as an import on paper has. Flushes, does not commit.

    `cause_id`: of the signature or the import; it picks the slot.
    """
    values = {"petition_id": petition_id, "slot": cause_id % COUNTER_SLOTS, "by": by}
    db.session.execute(INCREMENT_SQL[COUNTER_COLUMN_BY_PARTY[party]], values)


def increment_many(signatures: Iterable[tuple[int, int, str]], by: int) -> None:
    """Count many signatures, as (petition, number, party), in (+1) or out (-1), in one statement. Flushes."""
    slots: dict[tuple[int, int], list[int]] = {}
    for petition_id, signature_id, party in signatures:
        slots.setdefault((petition_id, signature_id % COUNTER_SLOTS), [0, 0])[party == "organisation"] += by
    if not slots:
        return
    # In one order, or two that count at once could each wait for the other.
    values = [
        {"petition_id": petition_id, "slot": slot, "people": people, "organisations": organisations}
        for (petition_id, slot), (people, organisations) in sorted(slots.items())
    ]
    statement = insert(PetitionCount).values(values)
    added = {name: getattr(PetitionCount, name) + statement.excluded[name] for name in ("people", "organisations")}
    db.session.execute(statement.on_conflict_do_update(index_elements=["petition_id", "slot"], set_=added))


def get_counts(petitions: list[Petition]) -> dict[int, Count]:
    """Return the count of each petition, by its id, in one query over at most `SLOTS` rows each."""
    sums = [func.sum(column) for column in (PetitionCount.people, PetitionCount.organisations, PetitionCount.paper)]
    query = select(PetitionCount.petition_id, *sums).where(
        PetitionCount.petition_id.in_([petition.id for petition in petitions])
    )
    found = {row[0]: tuple(map(int, row[1:])) for row in db.session.execute(query.group_by(PetitionCount.petition_id))}
    result = {}
    for petition in petitions:
        people, organisations, paper = found.get(petition.id, (0, 0, 0))
        result[petition.id] = Count(
            people, organisations, paper, compute_goal(petition.milestones, people + organisations)
        )
    return result


def get_count(petition: Petition) -> Count:
    """Return the count of one petition."""
    return get_counts([petition])[petition.id]


def compute_goal(milestones: list[int], confirmed: int) -> int:
    """Return the next milestone above a count; past the last one, the next of 1, 2.5, 5, 10 … times a power of ten."""
    for milestone in sorted(milestones):
        if milestone > confirmed:
            return milestone
    unit = 10 ** (len(str(confirmed)) - 1)
    return max(100, next(step for step in (unit, unit * 5 // 2, unit * 5, unit * 10) if step > confirmed))
