"""Where mail providers post what became of emails."""

from flask import Blueprint, Response, abort, current_app, request

from petition.core.db import db
from petition.delivery.bounces import verp
from petition.delivery.bounces.parser import Report
from petition.delivery.bounces.processing import process_message, process_report
from petition.delivery.bounces.webhook_parsers import PARSERS, is_authentic, parse_webhook

ACCESS = "machine"
MAX_BODY_BYTES = 1024 * 1024  # bytes
blueprint = Blueprint("bounces", __name__, url_prefix="/hooks/bounces")


@blueprint.post("/<provider>")
def report(provider: str) -> Response:
    """Take what a provider says, if it is really them: 202; 403 for anybody else, 404 while there is no secret."""
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
        found = parse_webhook(provider, body)
        for place, told in enumerate(found or [Report(response=f"not a report of {provider}'s that is known")]):
            # Of one body, several: each is a report of its own.
            raw = body if len(found) < 2 else body + b"\n%d" % place
            process_report(told, raw, f"webhook:{provider}", verp.parse_message_id(told.message_id))
    db.session.commit()
    return Response(status=202)
