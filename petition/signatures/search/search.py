"""Find signatures, newest first, quickly at any size: each filter has an index that ends in the order of the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, func, literal_column, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, scoped_session

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.petitions.models import Petition
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.safeguards.ip_networks import hash_network
from petition.signatures.models import EMAIL_DOMAIN_SQL, SEARCH_VECTOR_SQL, Signature
from petition.signatures.search.filters import Filter

PAGE_SIZE = 50  # rows
MAX_COUNTED_ROWS = 1000  # rows; beyond, a page says "more than"
STATEMENT_TIMEOUT = "6s"  # of a statement, before a search is refused
MAX_ID = 2**63 - 1
# A plan for these values, and by one process unless there is a lot to read: of a word that begins so the planner knows
# nothing, takes it for one signature in fifty, and would start others for what takes less time than starting them.
QUERY_SETTINGS_SQL = text("""
    SELECT set_config('statement_timeout', :patience, true), set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('parallel_setup_cost', '20000', true)
""")


@dataclass(frozen=True)
class Page:
    """Some signatures, newest first: how many the filter finds, or None for more than `COUNTED`, and what follows."""

    rows: Sequence[Signature]
    total: int | None
    next: int | None


class SearchTimeout(DomainError):
    """A filter that would read most of the table."""

    def __init__(self) -> None:
        super().__init__({"form": "slow"})


def search(which: Filter, before: int | None = None, limit: int = PAGE_SIZE) -> Page:
    """Return a page of the signatures of a filter, those before a number. Raises `TooSlow`."""
    before = before or MAX_ID
    try:
        apply_query_settings(STATEMENT_TIMEOUT)
        conditions = build_conditions(which)
        few = db.session.scalars(select(Signature.id).where(*conditions).limit(MAX_COUNTED_ROWS + 1)).all()
        if len(few) <= MAX_COUNTED_ROWS:
            # All are known: no plan can go wrong that only has to find them by their numbers.
            ids = sorted((number for number in few if number < before), reverse=True)[: limit + 1]
            query = select(Signature).where(Signature.id.in_(ids))
        else:
            query = select(Signature).where(*conditions, *query_id_bounds(which), Signature.id < before)
        rows = list(db.session.scalars(query.order_by(Signature.id.desc()).limit(limit + 1)))
    except OperationalError as error:
        db.session.rollback()
        if not is_statement_timeout(error):
            raise
        raise SearchTimeout from None
    following = rows[limit - 1].id if len(rows) > limit else None
    return Page(rows[:limit], len(few) if len(few) <= MAX_COUNTED_ROWS else None, following)


def apply_query_settings(patience: str, session: Session | scoped_session[Any] = db.session) -> None:
    """Bound each statement of the transaction, and have it planned for its own values and not for any."""
    session.execute(QUERY_SETTINGS_SQL, {"patience": patience})


def is_statement_timeout(error: OperationalError) -> bool:
    """Say whether a statement was cut off for its time (SQLSTATE 57014)."""
    return getattr(error.orig, "sqlstate", None) == "57014"


def build_conditions(which: Filter) -> list[Any]:
    """Return the conditions on `Signature`, each written as an index has it."""
    found: list[Any] = []
    if which.petition:
        found.append(Signature.petition_id == _petition_id(which.petition))
    if which.name:
        found.append(_match_name(which.name))
    if which.email:
        found.append(_match_email(which.email))
    if which.profession:
        found.append(func.lower(Signature.profession).like(_prefix_pattern(which.profession)))
    if which.state:
        found.append(Signature.state == which.state)
    if which.party:
        found.append(Signature.party == which.party)
    if which.domain:
        found.append(literal_column(EMAIL_DOMAIN_SQL) == which.domain)
    if which.network:
        found.append(Signature.network.in_(_resolve_network(which.network)))
    return found + [condition for column, *days in _day_ranges(which) for condition in _within(column, *days)]


def query_id_bounds(which: Filter) -> list[Any]:
    """Return between which numbers the signatures of a filter's days lie.

    Numbers follow the days nearly, but not quite. With these bounds a walk down the numbers neither begins far above
    the days nor goes on below them.
    """
    found: list[Any] = []
    for column, *days in _day_ranges(which):
        # Plain min(id) would be looked for in the order of the primary key: the very walk that is to be avoided.
        span = select(func.min(Signature.id + 0), func.max(Signature.id + 0)).where(*_within(column, *days))
        low, high = db.session.execute(span).one()
        found += [Signature.id >= (low or 0), Signature.id <= (high or 0)]
    return found


def of_signatures(which: Filter) -> Select[Any]:
    """Return the query for all signatures of a filter, newest first."""
    return select(Signature).where(*build_conditions(which), *query_id_bounds(which)).order_by(Signature.id.desc())


def _day_ranges(which: Filter) -> list[tuple[Any, date | None, date | None]]:
    ranges = (
        (Signature.created_at, which.created_since, which.created_until),
        (Signature.confirmed_at, which.confirmed_since, which.confirmed_until),
    )
    return [item for item in ranges if item[1] or item[2]]


def _within(column: Any, since: date | None, until: date | None) -> list[Any]:
    found = [column >= _midnight(since)] if since else []
    return [*found, column < _midnight(until + timedelta(days=1))] if until else found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _petition_id(slug: str) -> int:
    return db.session.scalar(select(Petition.id).where(Petition.slug == slug)) or 0


def _match_name(name: str) -> Any:
    """Match names, and organisations, with a word that begins so for each word asked for."""
    words = re.findall(r"[^\W_]+", name)
    query = func.to_tsquery(literal_column("'simple'"), " & ".join(f"{word}:*" for word in words))
    return literal_column(SEARCH_VECTOR_SQL).op("@@", is_comparison=True)(query)


def _match_email(typed: str) -> Any:
    """Match every spelling of a whole address, else addresses as typed that begin so."""
    try:
        return Signature.email_canonical == parse_email_address(typed).canonical
    except BadAddress:
        return func.lower(Signature.email).like(_prefix_pattern(typed))


def _prefix_pattern(typed: str) -> str:
    return typed.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def _resolve_network(network: str) -> list[str]:
    if not network.startswith("#"):
        return hash_network(network)
    same = db.session.scalar(select(Signature.network).where(Signature.id == int(network[1:])))
    return [same] if same else []
