"""`/healthz/request`: tell `petition doctor` how its own request arrived, to prove the number of proxies."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, request

from petition.core import tokens
from petition.core.web.trusted_hosts import normalize_host, parse_host
from petition.operations.doctor.website import CLAIMED_ADDRESS, ECHO_HEADER, ECHO_PATH, ECHO_PURPOSE

ACCESS = "machine"
TOKEN_MAX_AGE = timedelta(minutes=5)  # as clocks may differ
blueprint = Blueprint("request_echo", __name__)


@blueprint.get(ECHO_PATH)
def echo() -> dict[str, object]:
    """Return how many proxies are named, and whose address this request seems to come from; 404 without our token.

    `proxies`: entries of X-Forwarded-For but the one that the doctor claimed, if it is still there.
    """
    try:
        tokens.read(ECHO_PURPOSE, request.headers.get(ECHO_HEADER, ""), TOKEN_MAX_AGE)
    except tokens.BadToken:
        abort(404)
    entries = [entry.strip() for entry in request.headers.get("X-Forwarded-For", "").split(",") if entry.strip()]
    public_host = normalize_host(urlsplit(current_app.config["PUBLIC_URL"]).hostname or "")
    return {
        "client": "claimed" if request.remote_addr == CLAIMED_ADDRESS else "other",
        "proxies": len(entries) - (CLAIMED_ADDRESS in entries),
        "secure": request.is_secure,
        "host": parse_host(request.host) == public_host,
    }
