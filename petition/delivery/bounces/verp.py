"""Parse return paths (VERP), unsubscribe addresses and Message-IDs, and check that they are ours by their MAC."""

import hmac
import re

from flask import current_app

from petition.delivery.composers import AddressPurpose, mac

ADDRESS_PATTERN = re.compile(r"\+([bu])(\d{1,18})-([0-9a-f]{16})@")
MESSAGE_ID_PATTERN = re.compile(r"<d(\d{1,18})\.([0-9a-f]{16})@")
PURPOSES = {"b": AddressPurpose.BOUNCE, "u": AddressPurpose.UNSUBSCRIBE}


def parse_address(address: str) -> tuple[str, int] | None:
    """Return the purpose of an address of ours and its delivery, in any case; None for any other address."""
    found = ADDRESS_PATTERN.search(address.lower())
    if found is None:
        return None
    purpose, delivery_id = PURPOSES[found[1]], int(found[2])
    return (purpose, delivery_id) if _is_authentic(purpose, delivery_id, found[3]) else None


def parse_message_id(message_id: str) -> int | None:
    """Return the delivery of a Message-ID of ours. Anybody who has a copy of the email knows it: it proves nothing."""
    found = MESSAGE_ID_PATTERN.search(message_id.lower())
    return int(found[1]) if found and _is_authentic(AddressPurpose.MESSAGE, int(found[1]), found[2]) else None


def _is_authentic(purpose: str, delivery_id: int, given: str) -> bool:
    keys = [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]
    return any(hmac.compare_digest(mac(purpose, delivery_id, key), given) for key in keys)
