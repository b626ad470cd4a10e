"""Webhook for mail providers: they post bounces and complaints."""

import structlog
from flask import Blueprint, Response, abort, current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import ServiceUnavailable, Unauthorized

from petition.core.db import db
from petition.delivery.bounces.parser import Report
from petition.delivery.bounces.processing import find_delivery_id, note_delivered, process_message, process_report
from petition.delivery.bounces.sns_signatures import AmazonUnreachable, confirm_subscription
from petition.delivery.bounces.webhook_auth import (
    CredentialsMissing,
    NotAuthentic,
    accept_once,
    authenticate,
    read_json_object,
)
from petition.delivery.bounces.webhook_parsers import PARSERS, parse_webhook

ACCESS = "machine"
MAX_BODY_BYTES = 1024 * 1024
RETRY_AFTER_SECONDS = 60
log = structlog.get_logger(__name__)
blueprint = Blueprint("bounces", __name__, url_prefix="/hooks/bounces")


@blueprint.post("/<provider>")
def report(provider: str) -> Response:
    """Process a provider's message: 202; 401 without its password, 403 if it is not authentic, 404 without a secret."""
    secret = current_app.config["PETITION_BOUNCE_WEBHOOK_SECRET"]
    if provider not in PARSERS or not secret:
        abort(404)
    request.max_content_length = MAX_BODY_BYTES
    body = request.get_data(cache=False)
    if _accept(provider, body, secret):
        _process(provider, body)
    db.session.commit()
    return Response(status=202)


def _accept(provider: str, body: bytes, secret: str) -> bool:
    """Return whether an authentic message is to be processed: not one that came before, nor a subscription's."""
    topics = current_app.config["PETITION_SNS_TOPIC"]
    try:
        is_new = accept_once(proof := authenticate(provider, dict(request.headers), body, secret, topics))
        message = read_json_object(body) if proof.token else {}
        if topics and is_new and message.get("Type") == "SubscriptionConfirmation":
            # Of our own topic, and signed by Amazon: no person needs to open the address.
            return not confirm_subscription(message)
    except CredentialsMissing:
        # Amazon SNS sends its password only after this (RFC 7617).
        raise Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "bounces"})) from None
    except NotAuthentic as error:
        log.warning("webhook refused", provider=provider, reason=str(error) or "not authentic")
        abort(403)
    except AmazonUnreachable as error:
        log.warning("webhook not checked: Amazon is unreachable", error=str(error))
        raise ServiceUnavailable(retry_after=RETRY_AFTER_SECONDS) from None
    return is_new


def _process(provider: str, body: bytes) -> None:
    if provider == "generic" and request.mimetype == "message/rfc822":
        process_message(body, "webhook:generic")
    else:
        reports = parse_webhook(provider, body)
        if reports is None:
            reports = [Report(response=f"unknown message of {provider}")]
        for position, parsed in enumerate(reports):
            delivery_id = find_delivery_id(parsed)
            if parsed.delivered:
                note_delivered(delivery_id)
                continue
            # A report is recorded once by the digest of its raw text: several in one body need texts of their own.
            raw = body if len(reports) < 2 else body + b"\n%d" % position
            process_report(parsed, raw, f"webhook:{provider}", delivery_id)
