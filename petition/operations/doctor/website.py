"""Check that PUBLIC_URL leads here, with TLS, and prove by a request how many proxies there are."""

import http.client
import json
import secrets
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from petition.core import tokens
from petition.core.db import db
from petition.core.i18n import N_
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.doctor.settings import is_local
from petition.operations.models import Probe
from petition.operations.probes.untrusted_proxies import PROXIES as UNTRUSTED_PROXIES
from petition.operations.probes.untrusted_proxies import is_current

CHECK, PROXIES = "website", "proxies"
TIMEOUT_SECONDS = 5.0
CERTIFICATE_WARNING_DAYS = 14
MAX_ANSWER_BYTES = 4096
ECHO_PATH = "/healthz/request"
ECHO_HEADER = "X-Petition-Doctor"
ECHO_PURPOSE = "doctor"
CLAIMED_ADDRESS = "192.0.2.77"  # reserved for documentation (RFC 5737): no visitor has it


def check_website() -> list[Finding]:
    """Return what a request to PUBLIC_URL shows."""
    url = urlsplit(current_app.config["PUBLIC_URL"])
    headers = {ECHO_HEADER: tokens.make(ECHO_PURPOSE, secrets.randbits(32)), "X-Forwarded-For": CLAIMED_ADDRESS}
    connection = _create_connection(url.scheme, url.hostname or "", url.port)
    try:
        connection.connect()
        certificate = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
        connection.request("GET", url.path + ECHO_PATH, headers={**headers, "User-Agent": "petition doctor"})
        answer = connection.getresponse()
        body = answer.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        return [_explain(error, url.hostname or ""), *_report_untrusted_proxies()]
    finally:
        connection.close()
    seen = _parse_answer(answer.status, body)
    if seen is None:
        return [_explain_status(answer.status), *_report_untrusted_proxies()]
    findings = [_check_certificate(certificate)] if certificate else [ok(CHECK, N_("PUBLIC_URL leads here."))]
    return [*findings, *_check_proxies(seen, is_https=url.scheme == "https")]


def _create_connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)


def _parse_answer(status: int, body: bytes) -> dict[str, Any] | None:
    try:
        seen = json.loads(body) if status == 200 else None
    except ValueError:
        return None
    return seen if isinstance(seen, dict) and {"client", "proxies", "secure", "host"} <= seen.keys() else None


def _explain(error: Exception, host: str) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = N_("The certificate of PUBLIC_URL is not valid: %(error)s.")
        advice = N_("Renew it, or have the proxy send the whole chain, for the name %(host)s.")
        return wrong(CHECK, text, advice, host=host, error=error.verify_message)
    if isinstance(error, ssl.SSLError):
        text, advice = N_("PUBLIC_URL does not speak TLS."), N_("Set up TLS at the proxy for %(host)s.")
        return wrong(CHECK, text, advice, host=host)
    if isinstance(error, socket.gaierror):
        text, advice = (
            N_("The name %(host)s of PUBLIC_URL does not exist in DNS."),
            N_("Add an A or AAAA record, or correct it."),
        )
        return wrong(CHECK, text, advice, host=host)
    text = N_("PUBLIC_URL does not answer from this host (%(error)s).")
    advice = N_(
        "Check that the proxy and the web process run, and the firewall. Some networks do not reach their own address."
    )
    return wrong(CHECK, text, advice, error=type(error).__name__)


def _explain_status(status: int) -> Finding:
    if 300 <= status < 400:
        text = N_(
            "PUBLIC_URL redirects (%(status)d): mailed links would take a detour, and forms would lose what was typed."
        )
        return wrong(CHECK, text, N_("Set PUBLIC_URL to where it redirects to."), status=status)
    if status == 400:
        text = N_("The site refuses the name that it is asked for (400).")
        return wrong(
            CHECK, text, N_("Have the proxy pass on Host (nginx: proxy_set_header Host $host;)."), status=status
        )
    if status >= 500:
        text = N_("PUBLIC_URL answers %(status)d: the proxy does not reach the web process.")
        return wrong(
            CHECK, text, N_("Check that the web process runs, and the proxy’s upstream address."), status=status
        )
    text = N_("PUBLIC_URL leads elsewhere (%(status)d), or to a web process with another SECRET_KEY or release.")
    advice = N_("Compare PUBLIC_URL with the proxy’s settings, and give all processes the same settings; restart them.")
    return wrong(CHECK, text, advice, status=status)


def _check_certificate(certificate: dict[str, Any]) -> Finding:
    days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) // 86400)
    if days < CERTIFICATE_WARNING_DAYS:
        text = N_("The certificate of PUBLIC_URL ends in %(days)d days.")
        return warning(CHECK, text, N_("Renew it, and look at why that is not automatic."), days=days)
    return ok(CHECK, N_("PUBLIC_URL leads here; its certificate is valid for %(days)d days."), days=days)


def _check_proxies(seen: dict[str, Any], *, is_https: bool) -> list[Finding]:
    if is_local():
        return [ok(PROXIES, N_("`petition up` believes X-Forwarded-For on purpose: it listens on this machine only."))]
    count, proxies = current_app.config["PROXY_COUNT"], int(seen["proxies"])
    values = {"count": count, "proxies": proxies}
    set_count = N_("Set PROXY_COUNT=%(proxies)d.")
    if seen["client"] == "claimed":
        text = N_("The site believes whatever address a visitor writes into X-Forwarded-For: limits do not hold.")
        return [wrong(PROXIES, text, set_count, **values)]
    if proxies == 0 and count:
        text = N_("PROXY_COUNT is %(count)d, but no proxy passes on X-Forwarded-For: all visitors seem to be one.")
        advice = N_(
            "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; without a proxy PROXY_COUNT=0."
        )
        return [wrong(PROXIES, text, advice, **values)]
    if proxies != count:
        text = N_("There are %(proxies)d proxies and PROXY_COUNT is %(count)d: all visitors seem to be one.")
        return [wrong(PROXIES, text, set_count, **values)]
    if untrusted := _report_untrusted_proxies():
        return untrusted
    findings = []
    if is_https and not seen["secure"]:
        text = N_("The site does not know that visitors come by https.")
        advice = N_("Have every proxy pass on X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme;).")
        findings.append(wrong(PROXIES, text, advice, **values))
    if not seen["host"]:
        text = N_("The proxy does not pass on the name that visitors ask for.")
        findings.append(warning(PROXIES, text, N_("nginx: proxy_set_header Host $host;"), **values))
    return findings or [ok(PROXIES, N_("PROXY_COUNT=%(count)d agrees with a request."), **values)]


def _report_untrusted_proxies() -> list[Finding]:
    """Return what web processes noticed: a request from this host may take another way than visitors, or none."""
    try:
        if not is_current(db.session.get(Probe, UNTRUSTED_PROXIES)):
            return []
    except SQLAlchemyError:
        return []
    text = N_("Visitors come with X-Forwarded-For, which PROXY_COUNT=0 does not count: all of them seem to be one.")
    advice = N_("Set PROXY_COUNT to the number of proxies in front of the web process, and restart it.")
    return [wrong(PROXIES, text, advice)]
