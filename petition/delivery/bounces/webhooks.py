"""Webhook for mail providers: they post bounces and complaints."""

from flask import Blueprint, Response, abort, current_app, request

from petition.core.db import db
from petition.delivery.bounces.parser import Report
from petition.delivery.bounces.processing import find_delivery_id, note_delivered, process_message, process_report
from petition.delivery.bounces.webhook_parsers import PARSERS, is_authentic, parse_webhook

ACCESS = "machine"
MAX_BODY_BYTES = 1024 * 1024
blueprint = Blueprint("bounces", __name__, url_prefix="/hooks/bounces")


@blueprint.post("/<provider>")
def report(provider: str) -> Response:
    """Process a provider's message: 202; 403 if it is not authentic, 404 while no secret is set."""
    secret = current_app.config["PETITION_BOUNCE_WEBHOOK_SECRET"]
    if provider not in PARSERS or not secret:
        abort(404)
    request.max_content_length = MAX_BODY_BYTES
    body = request.get_data(cache=False)
    if not is_authentic(provider, dict(request.headers), body, secret):
        abort(403)
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
    db.session.commit()
    return Response(status=202)
