"""What the members of partners may do: read from the database on each request, so that leaving takes effect at once.

The check of every page of the team (`team.permissions`) asks `may_visit` for an account without the role in the team. A
page that names a petition, or something of one, is open to the partners of that petition alone, as their role says:
what is somebody else's is answered as what does not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.petitions.field_parsers import SLUG_PATTERN
from petition.petitions.models import Petition
from petition.petitions.partners.models import GRANTS, PartnerMember, PartnerRole, Partnership
from petition.team.models import Account
from petition.team.permissions import list_partner_views


@dataclass(frozen=True)
class Subject:
    """What a page is about: its petitions, and the one partner whose it is, if it is one's."""

    petitions: frozenset[int]
    partner_id: int | None = None


SubjectFinder = Callable[[Any], Subject | None]


def register_subject(app: Flask, argument: str, find: SubjectFinder) -> None:
    """Register what an argument of an address names; `find` returns None where it names nothing of a partner."""
    app.extensions.setdefault("petition.partner_subjects", {})[argument] = find


def find_petition_by_slug(slug: str) -> Subject | None:
    """Return the petition of an address."""
    query = select(Petition.id).where(Petition.slug == slug)
    found = db.session.scalar(query) if SLUG_PATTERN.fullmatch(slug) else None
    return Subject(frozenset((found,))) if found else None


def list_own(account: Account) -> list[Partnership]:
    """Return the partnerships that an account acts in now, with partner; newest first."""
    query = (
        select(Partnership)
        .join(PartnerMember, PartnerMember.partner_id == Partnership.partner_id)
        .where(PartnerMember.account_id == account.id, Partnership.left_at.is_(None))
        .order_by(Partnership.id.desc())
    )
    return list(db.session.scalars(query))


def may_visit(account: Account, asked: str, arguments: Mapping[str, Any]) -> bool:
    """Say whether an account may open a page that asks for a partner's role.

    `arguments`: those of the page's address. Raises `NotFound` for what is of no petition that it shares.
    """
    own = list_own(account)
    if not own:
        return False
    subjects = current_app.extensions["petition.partner_subjects"]
    named = [subjects[name](value) for name, value in arguments.items() if name in subjects]
    granted = GRANTS[PartnerRole(asked)]
    if not named:  # a page about all that they share
        return any(row.role in granted for row in own)
    for subject in named:
        rows = [row for row in own if subject and subject.partner_id in (None, row.partner_id)]
        if subject is None or not subject.petitions <= {row.petition_id for row in rows}:
            raise NotFound({"page": "not of a petition that the account shares"})
        if not subject.petitions <= {row.petition_id for row in rows if row.role in granted}:
            return False
    return True


def list_open(account: Account, petition: Petition) -> set[str]:
    """Return the pages (endpoints) of a petition that are open to an account for its partners; for links to them."""
    roles = {row.role for row in list_own(account) if row.petition_id == petition.id}
    return {endpoint for endpoint, asked in list_partner_views().items() if roles & set(GRANTS[PartnerRole(asked)])}


def list_grants(account: Account, petition_id: int) -> set[str]:
    """Return what an account may be asked for at a petition: each role that one of its own there includes."""
    roles = {row.role for row in list_own(account) if row.petition_id == petition_id}
    return {asked.value for asked, granted in GRANTS.items() if roles & set(granted)}


def is_outsider(account: Account) -> bool:
    """Say whether an account has no role in the team, and so sees what its partners share and nothing else."""
    return not account.role_names
