"""When the signatures of each petition are anonymised: the dry run that the desk shows and the worker follows.

A petition's signatures are anonymised a number of months after it closed, or of days after it was handed over,
whichever is first; later where an administrator postponed it, and never less than `NOTICE` after the team was notified
of that date.
"""

import calendar
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.mailings.scheduler import REOPEN_WINDOW
from petition.petitions.counters import Count, get_counts
from petition.petitions.models import CONFIRMATION_GRACE_PERIOD, Petition, PetitionState
from petition.petitions.queries import list_all
from petition.retention.models import PetitionRetention
from petition.retention.queries import SELECT_MAILINGS_UNDER_WAY, SELECT_RESTRICTED

NOTICE = timedelta(days=30)  # between telling the team and anonymising
MAX_RESTRICTED = 20  # signatures that the desk links to


class PlanState(StrEnum):
    """How far a petition is."""

    OPEN = "open"  # no date yet: it is not closed, and has no closing date
    PLANNED = "planned"
    ANNOUNCED = "announced"
    DUE = "due"
    WAITING = "waiting"  # due, and a mailing is under way
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class Plan:
    """What will happen to the data of one petition: `due_at` follows from the rules, `runs_at` from the notice too."""

    petition: Petition
    retention: PetitionRetention
    months: int
    due_at: datetime | None
    count: Count
    mailings: list[str]  # the names of those under way
    restricted: int = 0  # signatures whose use is restricted, and that have a name: they are kept back
    restricted_ids: Sequence[int] = ()  # some of them

    @property
    def is_closed(self) -> bool:
        """Whether nobody can sign any more."""
        return self.petition.state_now in (PetitionState.CLOSED, PetitionState.ARCHIVED)

    @property
    def is_announced(self) -> bool:
        """Whether the team was notified of this very date."""
        return self.due_at is not None and self.retention.announced_for == self.due_at

    @property
    def needs_announcement(self) -> bool:
        """Whether the team is to be notified now."""
        return (
            self.due_at is not None
            and self.is_closed
            and not self.is_announced
            and self.retention.started_at is None
            and clock.now() >= self.due_at - NOTICE
        )

    @property
    def runs_at(self) -> datetime | None:
        """The earliest moment: the due date, or the end of the notice where that is later."""
        if self.due_at is None:
            return None
        announced_at = self.retention.announced_at if self.is_announced else None
        return max(self.due_at, (announced_at or clock.now()) + NOTICE)

    @property
    def state(self) -> PlanState:
        """How far it is."""
        if self.retention.finished_at:
            return PlanState.DONE
        if self.retention.started_at:
            return PlanState.WAITING if self.mailings else PlanState.RUNNING
        if self.due_at is None or self.runs_at is None:
            return PlanState.OPEN
        if not self.is_announced:
            return PlanState.PLANNED
        if clock.now() < self.runs_at or not self.is_closed:
            return PlanState.ANNOUNCED
        return PlanState.WAITING if self.mailings else PlanState.DUE

    @property
    def unconfirmed_deleted_at(self) -> datetime | None:
        """When the last signature that nobody confirmed is deleted."""
        closing = self.petition.closing_moment
        days = timedelta(days=current_app.config["CONFIRM_WITHIN"])
        return closing + max(days, CONFIRMATION_GRACE_PERIOD) if closing else None

    @property
    def networks_erased_at(self) -> datetime | None:
        """When the last hash of a network is erased."""
        closing = self.petition.closing_moment
        return closing + timedelta(days=current_app.config["PETITION_KEEP_NETWORKS"]) if closing else None


def add_months(moment: datetime, months: int, zone: str) -> datetime:
    """Return the same day and time some months later, in a time zone; the last day of a month that is shorter.

    In UTC: a time that a change of the clock repeats or skips is equal to nothing in another time zone (PEP 495).
    """
    local = moment.astimezone(ZoneInfo(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def compute_due(petition: Petition, postponed_until: datetime | None) -> datetime | None:
    """Return when a petition's signatures are to be anonymised; None while it has no end."""
    closing = petition.closing_moment
    if closing is None or (petition.state == PetitionState.DRAFT and petition.opens_at is None):
        return None
    due = add_months(closing, get_months(petition), petition.timezone)
    if petition.handed_over_at:
        days = timedelta(days=current_app.config["PETITION_KEEP_HANDED_OVER"])
        due = min(due, max(petition.handed_over_at, closing) + days)
    return max(due, postponed_until) if postponed_until else due


def get_months(petition: Petition) -> int:
    """Return how many months after its closing a petition's signatures are anonymised."""
    return petition.retention_months or int(current_app.config["PETITION_KEEP_SIGNATURES"])


def list_plans(petitions: list[Petition] | None = None) -> list[Plan]:
    """Return the plan of each petition, or of these, in four queries: counts are those of the counters."""
    chosen = list_all() if petitions is None else petitions
    rows = db.session.scalars(select(PetitionRetention).execution_options(populate_existing=True))
    found = {row.petition_id: row for row in rows}
    under_way: dict[int, list[str]] = defaultdict(list)
    for row in db.session.execute(SELECT_MAILINGS_UNDER_WAY, {"reopened_since": clock.now() - REOPEN_WINDOW}):
        under_way[row.petition_id].append(row.name)
    counts = get_counts(chosen)
    restricted = {row.petition_id: row for row in db.session.execute(SELECT_RESTRICTED, {"shown": MAX_RESTRICTED})}
    plans = []
    for petition in chosen:
        retention = found.get(petition.id) or PetitionRetention(
            petition_id=petition.id, signatures=0, paper=0, kept_back=[]
        )
        due = compute_due(petition, retention.postponed_until)
        kept = restricted.get(petition.id)
        plans.append(Plan(
            petition, retention, get_months(petition), due, counts[petition.id], under_way[petition.id],
            kept.n if kept else 0, kept.ids if kept else (),
        ))  # fmt: skip
    return plans


def count_restricted() -> dict[int, int]:
    """Return how many signatures of each petition are kept back, by its id; none for a petition that has none."""
    return {row.petition_id: row.n for row in db.session.execute(SELECT_RESTRICTED, {"shown": 0})}


def get_plan(petition: Petition) -> Plan:
    """Return the plan of one petition."""
    return list_plans([petition])[0]
