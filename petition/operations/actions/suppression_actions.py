"""Change the suppression list, with an audit event that has the reason and no address."""

from collections.abc import Sequence

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.delivery.suppressions import keys, suppression_list
from petition.delivery.suppressions.address_list import extract_address
from petition.team import audit

MAX_REASON_CHARACTERS = 200


def add(address: str, reason: str) -> None:
    """Suppress an address. Flushes, does not commit. Raises `ValidationError`."""
    found = extract_address(address)
    if not found or not reason:
        raise ValidationError({"address": _("Enter a complete email address and a reason.")})
    suppression_list.suppress(found, reason)
    audit.record("suppression.add", "suppression", after={"reason": reason[:MAX_REASON_CHARACTERS]})


def remove(address: str, reason: str) -> bool:
    """Remove an address from the list; return whether it was on it. Flushes. Raises `ValidationError`."""
    if not reason:
        raise ValidationError({"reason": _("Enter a reason: it is kept in the audit trail.")})
    removed = suppression_list.unsuppress(extract_address(address) or address)
    if removed:
        audit.record("suppression.remove", "suppression", after={"reason": reason[:MAX_REASON_CHARACTERS]})
    return removed


def import_addresses(addresses: Sequence[str], reason: str) -> int:
    """Suppress many addresses; return how many were not on the list. Flushes, does not commit."""
    new = suppression_list.suppress_many(addresses, reason)
    after = {"addresses": len(addresses), "new": new, "reason": reason[:MAX_REASON_CHARACTERS]}
    audit.record("suppression.import", "suppression", after=after)
    return new


def drop_key(tag: str) -> int:
    """Give up the entries of a key that is not configured; return how many. Flushes, does not commit."""
    dropped = keys.drop(tag)
    if dropped:
        audit.record("suppression.key_dropped", "suppression", after={"key": tag, "addresses": dropped})
    return dropped
