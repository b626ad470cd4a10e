"""Everything that is held on an address, over all petitions (GDPR, article 15)."""

from typing import Any

from sqlalchemy import String, cast, func, literal, select
from sqlalchemy.sql import ColumnElement

from petition.backups.journal import hash_journal_address
from petition.backups.models import JournalEntry
from petition.core.db import db
from petition.delivery.bounces.models import Bounce, BounceKind
from petition.delivery.suppressions.suppression_list import find_by_address, hash_address
from petition.privacy.models import PersonRequest
from petition.safeguards.email_addresses import Address
from petition.signatures.labels import journal_act_label, report_kind_label
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import collect_data, to_dict
from petition.signatures.request_models import AddressChange, ListRequest, SignRequest
from petition.signatures.search.models import SavedSearch
from petition.team.accounts import find_by_email

MAX_SIGNATURES = 200  # shown and copied; an address signs a petition at most twice


def list_signatures(address: Address, *, lock: bool = False) -> list[Signature]:
    """Return the signatures of an address, in any state. `lock`: in one order, until the end of the transaction."""
    query = select(Signature).where(Signature.email_canonical == address.canonical).order_by(Signature.id)
    if lock:
        query = query.with_for_update(of=Signature).execution_options(populate_existing=True)
    return list(db.session.scalars(query.limit(MAX_SIGNATURES)))


def collect_held_data(address: Address, hashes: list[str]) -> dict[str, Any]:
    """Return all that is held on an address, as it is stored, with labels in the reader's language.

    `hashes`: of its requests. The signatures are those that the personal page's copy has; after them comes what stands
    under the address itself. Not in it: counters that limit requests and emails, under hashes, for two days.
    """
    requests = select(PersonRequest).where(PersonRequest.address_hash.in_(hashes)).order_by(PersonRequest.id)
    entries = select(JournalEntry).where(JournalEntry.address_hash.in_(hash_journal_address(address.canonical)))
    suppression, account = find_by_address(address.typed), find_by_email(address.typed)
    waiting = select(SignRequest).where(SignRequest.email_canonical == address.canonical).order_by(SignRequest.id)
    given = select(AddressChange.requested_at).where(given_as(address)).order_by(AddressChange.requested_at)
    return {
        "address": address.typed,
        "signatures": [_without_withheld(collect_data(signature)) for signature in list_signatures(address)],
        "waiting_requests": [_without_withheld(to_dict(row)) for row in db.session.scalars(waiting)],
        "given_as_new_address": [{"requested_at": at} for at in db.session.scalars(given)],
        "asked_for_list": db.session.scalar(
            select(func.count()).where(ListRequest.email_canonical == address.canonical)
        ),
        "suppressed": to_dict(suppression) if suppression else None,
        "soft_bounces": _soft_bounces(address),
        "unread_reports": db.session.scalar(select(func.count()).where(names_address(address))),
        "searches_of_the_team": db.session.scalar(select(func.count()).where(searches_for(address))),
        "journal": [
            {**to_dict(row), "label": journal_act_label(row.act)}
            for row in db.session.scalars(entries.order_by(JournalEntry.id))
        ],
        "requests": [to_dict(row) for row in db.session.scalars(requests)],
        "account_of_the_team": {"created_at": account.created_at, "roles": account.role_names} if account else None,
    }


def _without_withheld(values: dict[str, Any]) -> dict[str, Any]:
    """Leave a name that is withheld out of what the team reads: its signer's own page has it in their copy."""
    if values.get("named_when") is None or values.get("named_at") is not None or values.get("team_sees_name"):
        return values
    requests = [_without_withheld(row) for row in values.get("waiting_requests", ())]
    return {**values, "name": "", "withheld_name": None} | ({"waiting_requests": requests} if requests else {})


def _soft_bounces(address: Address) -> list[dict[str, Any]]:
    query = select(Bounce).where(Bounce.kind == BounceKind.SOFT, Bounce.address_hash.in_(hash_address(address.typed)))
    return [
        {**to_dict(report), "label": report_kind_label(report.kind)}
        for report in db.session.scalars(query.order_by(Bounce.id))
    ]


def names_address(address: Address) -> ColumnElement[bool]:
    """Return the condition of reports that nobody understood and that name the address: kept for a month, few."""
    return Bounce.raw.is_not(None) & (func.position(literal(address.typed.encode()).op("IN")(Bounce.raw)) > 0)


def given_as(address: Address) -> ColumnElement[bool]:
    """Return the condition of changes to the address that its owner has not confirmed: of somebody's signature."""
    return (AddressChange.email_canonical == address.canonical) & AddressChange.confirmed_at.is_(None)


def searches_for(address: Address) -> ColumnElement[bool]:
    """Return the condition of the team's searches of the last day that name the address."""
    return func.strpos(func.lower(cast(SavedSearch.filter, String)), address.typed.lower()) > 0
