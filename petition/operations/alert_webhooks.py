"""Alerts to PETITION_ALERT_WEBHOOK, signed as https://www.standardwebhooks.com/ specifies; no personal data.

An alert is a row until the receiver takes it (2xx). It is tried again with growing intervals for a day.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import current_app
from sqlalchemy import delete, func, select

from petition.core.db import db
from petition.operations.health.troubles import TroubleAlert
from petition.operations.models import AlertWebhook

TIMEOUT_SECONDS = 5.0  # of each wait for the receiver
MAX_AT_ONCE = 10
FIRST_RETRY, MAX_RETRY, GIVE_UP_AFTER = timedelta(seconds=10), timedelta(hours=1), timedelta(days=1)

log = structlog.get_logger(__name__)


def store(alerts: Sequence[TroubleAlert]) -> None:
    """Store alerts to be sent, if there is a webhook. Flushes, does not commit."""
    if current_app.config["PETITION_ALERT_WEBHOOK"]:
        db.session.add_all([AlertWebhook(payload=make_payload(alert)) for alert in alerts])
        db.session.flush()


def make_payload(alert: TroubleAlert) -> dict[str, Any]:
    """Return what the receiver gets: what is wrong, or over, in words, and where to read what to do."""
    url = current_app.config["PUBLIC_URL"]
    return {
        "type": "trouble.ended" if alert.ended_at else "trouble.began",
        "timestamp": (alert.ended_at or alert.since).isoformat(),
        "data": {
            "name": alert.name,
            "severity": alert.severity,
            "message": alert.messages["en"],
            "messages": alert.messages,
            "since": alert.since.isoformat(),
            "ended_at": alert.ended_at.isoformat() if alert.ended_at else None,
            "url": f"{url}/ops/",
            "runbook_url": f"{url}/ops/runbook#{alert.name}",
        },
    }


def send_due() -> None:
    """Send the alerts that are due, oldest first. Commits after each."""
    url = current_app.config["PETITION_ALERT_WEBHOOK"]
    due = select(AlertWebhook).where(AlertWebhook.next_attempt_at <= func.now()).order_by(AlertWebhook.id)
    for _ in range(MAX_AT_ONCE if url else 0):
        row = db.session.scalar(due.limit(1).with_for_update(skip_locked=True))
        if row is None:
            break
        answer = _post(url, f"msg_{row.id}_{int(row.created_at.timestamp())}", json.dumps(row.payload).encode())
        is_taken = isinstance(answer, int) and 200 <= answer < 300
        log.info("alert webhook", id=row.id, answer=answer, attempt=row.attempts + 1)
        if is_taken:
            db.session.delete(row)
        else:
            row.attempts += 1
            row.next_attempt_at = func.now() + min(MAX_RETRY, FIRST_RETRY * 2 ** min(row.attempts - 1, 10))
        db.session.commit()


def delete_old() -> None:
    """Give up alerts that nobody took for a day. Does not commit."""
    db.session.execute(delete(AlertWebhook).where(AlertWebhook.created_at < func.now() - GIVE_UP_AFTER))


def _post(url: str, message_id: str, body: bytes) -> int | str:
    """Return the status of the answer, or the name of the error. A redirect is not followed, and no success."""
    parts, timestamp = urlsplit(url), str(int(time.time()))
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json", "User-Agent": "petition", "webhook-id": message_id,
               "webhook-timestamp": timestamp}  # fmt: skip
    if secret := current_app.config["PETITION_ALERT_WEBHOOK_SECRET"]:
        headers["webhook-signature"] = sign(secret, message_id, timestamp, body)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message: version 1, HMAC-SHA256 over id, time and body."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key_of(secret), content, hashlib.sha256).digest()).decode()


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()
