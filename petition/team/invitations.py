"""Who invited a member, from the audit trail."""

from collections.abc import Iterable

from sqlalchemy import select

from petition.core.db import db
from petition.team.models import Account, AuditEvent


def find_inviters(account_ids: Iterable[int]) -> dict[int, str]:
    """Return the name, else the address, of the member who invited each account last; none for one made by command."""
    query = (
        select(AuditEvent.subject_id, Account.name, Account.email)
        .join(Account, Account.id == AuditEvent.account_id)
        .where(
            AuditEvent.subject == "account",
            AuditEvent.action == "invited",
            AuditEvent.subject_id.in_([str(account_id) for account_id in account_ids]),
        )
        .order_by(AuditEvent.id)
    )
    return {int(row.subject_id): row.name or row.email for row in db.session.execute(query)}
