import smtplib

import pytest

from petition.delivery.smtp.responses import classify_error


@pytest.mark.parametrize(
    ("error", "state", "trouble"),
    [
        (smtplib.SMTPServerDisconnected("gone"), "deferred", False),
        (TimeoutError("timed out"), "deferred", False),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 no"), "deferred", True),
        (smtplib.SMTPSenderRefused(550, b"5.7.1 not yours", "a@b"), "deferred", True),
        (smtplib.SMTPDataError(554, b"5.6.0 spam"), "failed", False),
        (smtplib.SMTPDataError(421, b"4.7.0 rate"), "deferred", True),
        (smtplib.SMTPResponseException(-1, b"garbage"), "deferred", False),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), "failed", False),
    ],
)
def test_what_an_error_means(error, state, trouble):
    outcome = classify_error(error, connecting=False, send_again=True)
    assert (outcome.state, outcome.server_trouble) == (state, trouble)


def test_an_email_of_unknown_fate_is_not_sent_twice_where_that_is_worse():
    assert classify_error(TimeoutError(), connecting=False, send_again=False).state == "unknown"
    assert classify_error(TimeoutError(), connecting=True, send_again=False).state == "deferred"


@pytest.mark.parametrize("code", ["5.1.1", "5.1.10", "5.1.2", "5.1.3", "5.1.6"])
def test_only_a_mailbox_that_is_not_there_is_suppressed(code):
    def gone(words):
        return classify_error(
            smtplib.SMTPRecipientsRefused({"a@b": (550, words.encode())}), connecting=False, send_again=True
        ).mailbox_gone

    assert gone(f"{code} unknown")
    assert not gone("5.7.1 policy")
    assert not gone("5.2.1 disabled")
    assert not gone("unknown user")


def test_response_is_stored_without_the_address():
    words = b"5.1.1 <zoe@example.org>: Recipient address rejected, zoe@example.org\n5.1.1 unknown " + b"x" * 300
    outcome = classify_error(smtplib.SMTPRecipientsRefused({"a@b": (550, words)}), connecting=False, send_again=True)
    assert "zoe" not in outcome.reason
    assert len(outcome.reason) <= 200
    assert "\n" not in outcome.reason
