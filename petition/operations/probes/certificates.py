"""Until when the certificates of PUBLIC_URL and of the mail server are valid, recorded as probes.

A probe's value is that moment, in seconds since 1970. What cannot be reached says nothing about its certificate.
"""

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from flask import current_app

from petition.operations.probes.results import record_probe

SITE_CERTIFICATE, MAIL_CERTIFICATE = "site certificate", "mail certificate"
TIMEOUT_SECONDS = 5.0


def record_certificate(name: str, connection: socket.socket | None) -> None:
    """Record until when the certificate behind a verified connection is valid; without TLS nothing. Flushes."""
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    if certificate:
        expires_at = float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))
        record_probe(name, True, str(certificate["notAfter"]), 0, expires_at)


def check_site_certificate() -> None:
    """Look at the certificate of PUBLIC_URL, as a visitor's browser would. Flushes, does not commit."""
    url = urlsplit(current_app.config["PUBLIC_URL"])
    if url.scheme != "https":
        return
    context = ssl.create_default_context()
    site = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS, context=context)
    try:
        site.connect()
        record_certificate(SITE_CERTIFICATE, site.sock)
    except ssl.SSLCertVerificationError as error:
        record_probe(SITE_CERTIFICATE, False, error.verify_message, 0)
    except OSError:
        return
    finally:
        site.close()
