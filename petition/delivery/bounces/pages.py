"""Where mail providers post what became of emails."""

from flask import Blueprint, Response, abort, current_app, request

from petition.core.db import db
from petition.delivery.bounces import verp
from petition.delivery.bounces.providers import READERS, is_genuine, reports
from petition.delivery.bounces.read import Report
from petition.delivery.bounces.take import settle, take

ACCESS = "machine"
LARGEST = 1024 * 1024  # bytes
blueprint = Blueprint("bounces", __name__, url_prefix="/hooks/bounces")


@blueprint.post("/<provider>")
def report(provider: str) -> Response:
    """Take what a provider says, if it is really them: 202; 403 for anybody else, 404 while there is no secret."""
    secret = current_app.config["PETITION_BOUNCES_SECRET"]
    if provider not in READERS or not secret:
        abort(404)
    request.max_content_length = LARGEST
    body = request.get_data(cache=False)
    if not is_genuine(provider, dict(request.headers), body, secret):
        abort(403)
    if provider == "generic" and request.mimetype == "message/rfc822":
        take(body, "webhook:generic")
    else:
        found = reports(provider, body)
        for place, told in enumerate(found or [Report(words=f"not a report of {provider}'s that is known")]):
            # Of one body, several: each is a report of its own.
            raw = body if len(found) < 2 else body + b"\n%d" % place
            settle(told, raw, f"webhook:{provider}", verp.delivery_of_message(told.message_id))
    db.session.commit()
    return Response(status=202)
