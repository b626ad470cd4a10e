"""`/metrics` and `/ops/check`, for clients with the token or from an allowed address."""

import hmac
import ipaddress

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from petition.core.db import db
from petition.core.web.trusted_hosts import is_loopback, peer_address
from petition.operations.health import quick_check
from petition.operations.metrics import render_metrics

ACCESS = "machine"
blueprint = Blueprint("metrics", __name__)


def _is_allowed_address() -> bool:
    """Return whether the client is in an allowed network, and its proxy, if any, too or on this machine.

    Anybody else who reaches this port could forward whatever address they like.
    """
    peer, client = peer_address(), request.remote_addr or ""
    return _is_in_allowed_network(client) and (is_loopback(peer) or _is_in_allowed_network(peer))


def _is_in_allowed_network(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in current_app.config["PETITION_METRICS_ALLOW"])


def _has_valid_token() -> bool:
    token, credentials = current_app.config["PETITION_METRICS_TOKEN"], request.authorization
    if not token or credentials is None or credentials.type != "bearer" or not credentials.token:
        return False
    return hmac.compare_digest(credentials.token.encode(), token.encode())


@blueprint.before_request
def _require_access() -> None:
    if _has_valid_token() or _is_allowed_address():
        return
    if current_app.config["PETITION_METRICS_TOKEN"]:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
    abort(403)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the metrics in Prometheus' text format."""
    body = render_metrics()
    db.session.rollback()
    return current_app.response_class(body, content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/ops/check")
def check() -> Response:
    """Return the line of `petition queue check`: 503 where mail is stuck, so that a monitor needs only the status."""
    config = current_app.config
    result = quick_check.check(
        config["DATABASE_URL"], config["BROKER_URL"], config["PETITION_SLOW_AFTER"], config["PETITION_STUCK_AFTER"]
    )
    status = 503 if result.code == quick_check.CRITICAL else 200
    response = current_app.response_class(f"{result.line}\n", status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
