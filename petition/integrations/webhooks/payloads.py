"""What an endpoint gets: type, time and data, as https://www.standardwebhooks.com/ has it.

A signature is named by an id that only this endpoint knows it by. What its signer wrote is in the message only if they
agreed to be passed on and still do, read when it is sent: nothing of it is stored for webhooks.
"""

import hashlib
import hmac
import json
from typing import Any

from petition.core.db import db
from petition.integrations.models import EventType, WebhookEndpoint, WebhookEvent
from petition.petitions.models import Petition
from petition.petitions.queries import get_cached_by_ids
from petition.signatures.models import Signature, SignatureState
from petition.signatures.passing_on import is_passed_on, represent_signer

ID_CHARACTERS = 26
NAMES_SIGNER = (
    EventType.SIGNATURE_CONFIRMED, EventType.UPDATES_OPTED_IN, EventType.UPDATES_OPTED_OUT,
    EventType.PASSING_ON_OPTED_IN,
)  # fmt: skip


def make_body(endpoint: WebhookEndpoint, event: WebhookEvent) -> bytes:
    """Return the JSON of an event."""
    data: dict[str, Any] = {}
    if event.petition_id is not None:
        petition: Petition | None = get_cached_by_ids([event.petition_id]).get(event.petition_id)
        data["petition"] = petition.slug if petition else None
    if event.signature_id is not None:
        data["signature"] = make_signature_id(endpoint, event.signature_id)
        data |= _signer_data(event)
    body = {"type": event.type, "timestamp": event.occurred_at.isoformat(), "data": data | event.data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def make_signature_id(endpoint: WebhookEndpoint, signature_id: int) -> str:
    """Return the id by which an endpoint knows a signature: the same each time, and nobody else's."""
    digest = hmac.new(endpoint.id_key, str(signature_id).encode(), hashlib.sha256).hexdigest()
    return f"sig_{digest[:ID_CHARACTERS]}"


def _signer_data(event: WebhookEvent) -> dict[str, Any]:
    if event.type not in NAMES_SIGNER:
        return {}
    signature = db.session.get(Signature, event.signature_id, populate_existing=True)
    if signature is None or signature.state != SignatureState.CONFIRMED or not is_passed_on(signature):
        return {}
    return {"signer": represent_signer(signature)}
