"""The part of a signer's data that the tables of webhooks hold."""

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from petition.core.db import db
from petition.integrations.models import WebhookEndpoint, WebhookEvent
from petition.signatures.models import Signature


def list_events(signature: Signature) -> list[dict[str, Any]]:
    """Return which events of a signature went to which host, oldest first."""
    query = (
        select(WebhookEvent.type, WebhookEvent.occurred_at, WebhookEvent.state, WebhookEvent.settled_at,
               WebhookEndpoint.url)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookEvent.endpoint_id)
        .where(WebhookEvent.signature_id == signature.id)
        .order_by(WebhookEvent.id)
    )  # fmt: skip
    return [
        {"type": row.type, "occurred_at": row.occurred_at, "state": row.state, "settled_at": row.settled_at,
         "host": urlsplit(row.url).hostname}
        for row in db.session.execute(query)
    ]  # fmt: skip
