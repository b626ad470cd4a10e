"""SQL of the signature search: the conditions of a filter, each written as an index has it.

Each index ends in the id, which is the order of the results: the first page costs the same at any number of rows.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, text

from petition.core.db import db
from petition.core.languages.collation import search_key
from petition.petitions.models import Petition
from petition.safeguards.email_addresses import BadAddress, parse_email_address
from petition.safeguards.ip_networks import hash_network
from petition.signatures.models import EMAIL_DOMAIN_SQL, SEARCH_VECTOR_SQL, Signature
from petition.signatures.search.filters import Filter
from petition.signatures.staff.team_view import IS_SEEN

# Criteria that must not find a signer whose name is withheld; no search for a name can.
IDENTIFYING_CRITERIA = ("email", "profession", "city", "domain", "network")
# Settings of the transaction that searches.
# Custom plans: the selectivity of a filter depends on its values. Parallel plans only for large scans: PostgreSQL has
# no statistics on word prefixes, estimates 2 % of the table, and would start parallel workers, which takes longer
# than the query itself.
QUERY_SETTINGS_SQL = text("""
    SELECT set_config('statement_timeout', :timeout, true),
           set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('parallel_setup_cost', '20000', true)
""")


def build_conditions(criteria: Filter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter on `Signature`."""
    conditions: list[ColumnElement[bool]] = []
    if criteria.petition:
        conditions.append(Signature.petition_id == _find_petition_id(criteria.petition))
    if criteria.name:
        conditions.append(_match_name(criteria.name))
    if criteria.email:
        conditions.append(_match_email(criteria.email))
    if criteria.state:
        conditions.append(Signature.state == criteria.state)
    if criteria.party:
        conditions.append(Signature.party == criteria.party)
    if criteria.domain:
        conditions.append(literal_column(EMAIL_DOMAIN_SQL) == criteria.domain)
    if criteria.network:
        conditions.append(Signature.network.in_(_resolve_network(criteria.network)))
    conditions += _match_beginnings(criteria)
    conditions += _exclude_withheld(criteria)
    for column, since, until in _day_ranges(criteria):
        conditions += _between_days(column, since, until)
    return conditions


def _exclude_withheld(criteria: Filter) -> list[ColumnElement[bool]]:
    """Find nobody whose name is withheld by what they wrote: that would say who they are."""
    return [IS_SEEN] if any(getattr(criteria, name) for name in IDENTIFYING_CRITERIA) else []


def query_id_bounds(criteria: Filter) -> list[ColumnElement[bool]]:
    """Query the lowest and highest id of each range of days in a filter, and return them as conditions.

    Ids grow with time nearly, but not strictly. With these bounds, a scan of the primary key neither starts far above
    the days nor continues below them.
    """
    bounds: list[ColumnElement[bool]] = []
    for column, since, until in _day_ranges(criteria):
        # `id + 0`: PostgreSQL would compute plain min(id) by scanning the primary key, which is what this avoids.
        ids = select(func.min(Signature.id + 0), func.max(Signature.id + 0))
        lowest, highest = db.session.execute(ids.where(*_between_days(column, since, until))).one()
        bounds += [Signature.id >= (lowest or 0), Signature.id <= (highest or 0)]
    return bounds


def _day_ranges(criteria: Filter) -> list[tuple[Any, date | None, date | None]]:
    ranges = (
        (Signature.created_at, criteria.created_since, criteria.created_until),
        (Signature.confirmed_at, criteria.confirmed_since, criteria.confirmed_until),
    )
    return [(column, since, until) for column, since, until in ranges if since or until]


def _between_days(column: Any, since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    conditions = []
    if since:
        conditions.append(column >= _midnight(since))
    if until:
        conditions.append(column < _midnight(until + timedelta(days=1)))
    return conditions


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _find_petition_id(slug: str) -> int:
    return db.session.scalar(select(Petition.id).where(Petition.slug == slug)) or 0


def _match_name(name: str) -> ColumnElement[bool]:
    """Match names and organisations that have, for each word given, a word that begins with it."""
    words = re.findall(r"[^\W_]+", search_key(name))
    query = func.to_tsquery(literal_column("'simple'"), " & ".join(f"{word}:*" for word in words))
    return literal_column(SEARCH_VECTOR_SQL).op("@@", is_comparison=True)(query)


def _match_beginnings(criteria: Filter) -> list[ColumnElement[bool]]:
    """Match professions and towns that begin with the text, with or without its accents."""
    beginnings = ((Signature.profession, criteria.profession), (Signature.city, criteria.city))
    return [
        func.collation_key(column).like(_prefix_pattern(search_key(beginning)))
        for column, beginning in beginnings
        if beginning
    ]


def _match_email(email: str) -> ColumnElement[bool]:
    """Match every spelling of a complete address; otherwise addresses that begin with the text, as they were typed."""
    try:
        return Signature.email_canonical == parse_email_address(email).canonical
    except BadAddress:
        return func.lower(Signature.email).like(_prefix_pattern(email))


def _prefix_pattern(prefix: str) -> str:
    return prefix.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def _resolve_network(network: str) -> list[str]:
    if not network.startswith("#"):
        return hash_network(network)
    stored = db.session.scalar(select(Signature.network).where(Signature.id == int(network[1:]), IS_SEEN))
    return [stored] if stored else []
