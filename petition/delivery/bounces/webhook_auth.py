"""Authenticate the webhooks of mail providers, and accept each signed message once.

| provider | proof |
| --- | --- |
| generic | `X-Petition-Signature: t=<seconds>,v1=<hex>`, an HMAC-SHA256 of "<seconds>.<body>" |
| mailgun | HMAC-SHA256 of the timestamp and the token inside the body; the rest is not signed, so a token counts once |
| ses | HTTP Basic; where the message is signed (`sns_signatures`), or PETITION_SNS_TOPIC is set, the signature too |
| postmark, brevo | HTTP Basic with the secret as password, or a Bearer token |
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.delivery.bounces import sns_signatures
from petition.delivery.bounces.models import WebhookToken

MAX_CLOCK_DIFFERENCE_SECONDS = 300  # between a signature's time and ours
# Mailgun's signatures are valid for minutes; Amazon SNS repeats a message for an hour, or longer if so configured.
TOKEN_RETENTION = timedelta(days=2)


class NotAuthentic(DomainError):
    """A message that does not prove that it comes from the provider."""


class CredentialsMissing(NotAuthentic):
    """A message without the password that its provider sends only after 401 (RFC 9110, 11.6.1)."""


@dataclass(frozen=True)
class Proof:
    """What authenticates a message. `token`: identifies it at its provider, "" where a digest of the body does."""

    token: str = ""
    content: bytes = b""  # what the token was seen with


def authenticate(
    provider: str, headers: Mapping[str, str], body: bytes, secret: str, sns_topics: list[str] | None = None
) -> Proof:
    """Return the proof that a message comes from somebody who knows the secret. Raises `NotAuthentic`."""
    if provider == "generic":
        fields = dict(item.split("=", 1) for item in headers.get("X-Petition-Signature", "").split(",") if "=" in item)
        signed = f"{fields.get('t', '')}.".encode("utf-8", "replace") + body
        _require(_is_recent(fields.get("t", "")))
        _require(_equal_in_constant_time(_hmac(secret, signed), fields.get("v1", "")))
        return Proof()
    if provider == "mailgun":
        signature = read_json_object(body).get("signature")
        signature = signature if isinstance(signature, dict) else {}
        stamp, token = str(signature.get("timestamp", "")), str(signature.get("token", ""))
        signed = f"{stamp}{token}".encode("utf-8", "replace")
        _require(_is_recent(stamp) and bool(token))
        _require(_equal_in_constant_time(_hmac(secret, signed), str(signature.get("signature", ""))))
        return Proof(f"mailgun:{token}", body)
    _check_password(headers.get("Authorization", ""), secret)
    if provider == "ses":
        return _check_sns_signature(read_json_object(body), sns_topics or [])
    return Proof()


def accept_once(proof: Proof) -> bool:
    """Record a proof's token, and return whether it is new: False for the same message again.

    Raises `NotAuthentic` for another message under the token. Flushes, so that what fails later can be sent again.
    """
    if not proof.token:
        return True
    token_hash, content_hash = _digest(proof.token.encode("utf-8", "replace")), _digest(proof.content)
    # Waits for a transaction that accepts the same token at this moment.
    new = db.session.scalar(
        insert(WebhookToken)
        .values(token_hash=token_hash, content_hash=content_hash)
        .on_conflict_do_nothing()
        .returning(WebhookToken.token_hash)
    )
    if new is None:
        known = select(WebhookToken.content_hash).where(WebhookToken.token_hash == token_hash)
        _require(db.session.scalar(known) == content_hash)
    return new is not None


def forget_old_tokens() -> None:
    """Delete the tokens whose signatures are no longer valid."""
    db.session.execute(delete(WebhookToken).where(WebhookToken.accepted_at < clock.now() - TOKEN_RETENTION))


def read_json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object, empty for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _require(condition: bool) -> None:
    if not condition:
        raise NotAuthentic


def _check_password(authorization: str, secret: str) -> None:
    if not authorization:
        raise CredentialsMissing
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            raise NotAuthentic from None
    elif scheme.lower() != "bearer":
        raise NotAuthentic
    _require(_equal_in_constant_time(secret, value))


def _check_sns_signature(message: dict[str, Any], topics: list[str]) -> Proof:
    """Check an SNS envelope's signature, which must be there once the topic is known to us."""
    if not topics and "Signature" not in message:
        return Proof()
    try:
        signed = sns_signatures.verify(message, topics)
    except sns_signatures.InvalidSignature as error:
        raise NotAuthentic({"signature": str(error)}) from None
    return Proof(f"sns:{message['TopicArn']}:{message['MessageId']}", signed)


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _equal_in_constant_time(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _is_recent(stamp: str) -> bool:
    return (
        stamp.isascii()
        and stamp.isdigit()
        and len(stamp) < 12
        and abs(time.time() - int(stamp)) <= MAX_CLOCK_DIFFERENCE_SECONDS
    )
