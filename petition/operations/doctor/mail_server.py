"""Check the mail server: connect, secure and log in; with an address, send a real test email."""

import smtplib
import socket
import ssl
from email.utils import make_msgid

from flask import current_app

from petition.core.i18n import N_
from petition.delivery.composers import sender_address
from petition.delivery.models import DeliveryState
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.smtp.connection import Connection, close_on_exit, deliver
from petition.delivery.smtp.relays import Relay, list_relays
from petition.delivery.smtp.responses import sanitize_response
from petition.operations.doctor.findings import Finding, Level, ok, wrong

CHECK, TEST = "mail server", "test email"
IMPLICIT_TLS_PORT = 465
TEST_TEXT = (
    "This email was sent by `petition doctor` to test the mail set-up.\n\n"
    "Show its source: SPF, DKIM and DMARC should say “pass” in Authentication-Results.\n"
    "Save it as a file: `petition doctor --copy FILE` reads it.\n"
)
TEST_HTML = (
    "<p>This email was sent by <code>petition doctor</code> to test the mail set-up.</p>"
    "<p>Show its source: SPF, DKIM and DMARC should say “pass” in Authentication-Results. "
    "Save it as a file: <code>petition doctor --copy FILE</code> reads it.</p>"
)


def check_mail_server(send_to: str | None) -> list[Finding]:
    """Return whether the mail server lets us in; nothing is sent without `send_to`."""
    if current_app.config["MAIL_SUPPRESS_SEND"]:
        return [ok(CHECK, N_("Not asked: MAIL_SUPPRESS_SEND is on."))]
    relays = list_relays()
    findings = [finding for relay in relays for finding in _check_relay(relay)]
    may_send = send_to and all(finding.level == Level.OK for finding in findings)
    return [*findings, *([_send(send_to)] if may_send and send_to else [])]


def _check_relay(relay: Relay) -> list[Finding]:
    try:
        host = Connection(relay.state).configure_host()
        code, answer = host.noop()
        host.quit()
    except (OSError, smtplib.SMTPException) as error:
        return [_explain(error, relay)]
    if code != 250:
        text, advice = N_("The mail server answers: %(answer)s"), N_("Ask whoever runs it what it means.")
        return [wrong(CHECK, text, advice, answer=sanitize_response(f"{code} {answer.decode('utf-8', 'replace')}"))]
    logged_in = relay.state.username and relay.state.password
    text = N_("The mail server answers and accepts the login.") if logged_in else N_("The mail server answers.")
    return [ok(CHECK, text)]


def _explain(error: Exception, relay: Relay) -> Finding:
    values = {"server": relay.state.server, "port": relay.state.port, "error": sanitize_response(str(error))}
    where = N_(
        "Check MAIL_SERVER and MAIL_PORT, the firewall, and that your hosting allows outgoing mail on this port."
    )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        text, advice = N_("The mail server rejects the login: %(error)s"), N_("Check MAIL_USERNAME and MAIL_PASSWORD.")
    elif isinstance(error, ssl.SSLCertVerificationError):
        values["error"] = error.verify_message
        text = N_("The certificate of %(server)s is not valid: %(error)s.")
        advice = N_("Set MAIL_SERVER to the name in its certificate, or have it renewed.")
    elif isinstance(error, ssl.SSLError):
        text = N_("%(server)s:%(port)d does not speak TLS from the first byte.")
        advice = N_("Unset MAIL_USE_SSL and set MAIL_USE_TLS=1 (port 587), or set MAIL_PORT=465.")
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        text = N_("The mail server does not offer what the settings ask for: %(error)s")
        advice = N_("Compare MAIL_USE_TLS, MAIL_USE_SSL, MAIL_PORT and MAIL_USERNAME with what your relay documents.")
    elif isinstance(error, socket.gaierror):
        text, advice = N_("The name %(server)s of MAIL_SERVER does not exist in DNS."), N_("Correct MAIL_SERVER.")
    elif isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected) and relay.state.port == IMPLICIT_TLS_PORT:
        text = N_("%(server)s:%(port)d says nothing: it waits for TLS.")
        advice = N_("Set MAIL_USE_SSL=1 and unset MAIL_USE_TLS, or use port 587.")
    else:
        values["error"] = type(error).__name__ if isinstance(error, OSError) else values["error"]
        text, advice = N_("The mail server %(server)s:%(port)d does not answer (%(error)s)."), where
    return wrong(CHECK, text, advice, **values)


def _send(address: str) -> Finding:
    # As mailings have them, so that the copy shows whether DKIM covers them.
    headers = {
        "List-Unsubscribe": f"<{current_app.config['PUBLIC_URL']}/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    message = OutgoingMessage(
        address, "petition doctor", "en", headers, subject="Test email", body=TEST_TEXT, html=TEST_HTML
    )
    message.msgId = make_msgid("doctor", sender_address().rpartition("@")[2])
    with close_on_exit():
        outcome = deliver(message, sender_address(), send_again=True, relay=list_relays()[0].state)
    if outcome.state == DeliveryState.SENT:
        text = N_("The mail server accepted the test email. Look where it arrives, spam too, and show its source.")
        return ok(TEST, text)
    text = N_("The test email was rejected: %(reason)s")
    advice = N_("docs/replies.md says what such replies mean, docs/deliverability.md what to set up.")
    return wrong(TEST, text, advice, reason=sanitize_response(outcome.reason or ""))
