"""Check the mail server without sending anything."""

import smtplib
import time

from petition.delivery.smtp.connection import Connection
from petition.delivery.smtp.relays import Relay, list_relays
from petition.delivery.smtp.responses import sanitize_response
from petition.operations.probes.certificates import MAIL_CERTIFICATE, record_certificate
from petition.operations.probes.results import record_probe

MAIL_SERVER = "mail server"  # the name of its row in `probes`


def probe_mail_server() -> bool:
    """Connect, log in and send NOOP; record the result, and return whether it is well. Flushes, does not commit."""
    started = time.monotonic()
    ok, response = _probe()
    record_probe(MAIL_SERVER, ok, response, round((time.monotonic() - started) * 1000))
    return ok


def _probe() -> tuple[bool, str]:
    """Return whether every relay answers, and what the last one said, or the first that does not."""
    ok, response, relays = True, "", list_relays()
    for relay in relays:
        ok, response = _probe_relay(relay)
        if len(relays) > 1:
            response = f"{relay.name}: {response}"
        if not ok:
            break
    return ok, response


def _probe_relay(relay: Relay) -> tuple[bool, str]:
    try:
        host = Connection(relay.state).configure_host()
        record_certificate(MAIL_CERTIFICATE, host.sock)
        code, answer = host.noop()
        host.quit()
    except (OSError, smtplib.SMTPException) as error:
        return False, sanitize_response(f"{type(error).__name__}: {error}")
    return code == 250, sanitize_response(f"{code} {answer.decode('utf-8', 'replace')}")
