"""Reports as mail servers and providers send them, and what they lead to."""

from petition.delivery.suppressions.suppression_list import find_suppressed


def make_notification(
    to, status="5.1.1", action="failed", failed="zoe@example.org", diagnostic="smtp; 550 no such user"
):
    """Return a delivery status notification (RFC 3464)."""
    return (
        f"From: MAILER-DAEMON@mx.example.org\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {failed}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n\r\n--b--\r\n"
    ).encode()


def make_complaint(to):
    """Return an abuse report (RFC 5965)."""
    return (
        f"From: fbl@example.org\r\nTo: {to}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"
        "Original-Rcpt-To: <zoe@example.org>\r\n\r\n--b--\r\n"
    ).encode()


def is_suppressed(address="zoe@example.org"):
    """Return whether an address is on the suppression list."""
    return find_suppressed([address]) == {address}
