import smtplib

import pytest

from petition.delivery.smtp.responses import MAX_POLICY_ATTEMPTS, classify_error


@pytest.mark.parametrize(
    ("error", "state", "trouble", "suspected"),
    [
        (smtplib.SMTPServerDisconnected("gone"), "deferred", False, False),
        (TimeoutError("timed out"), "deferred", False, False),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 no"), "deferred", False, True),
        (smtplib.SMTPSenderRefused(550, b"5.7.1 not yours", "a@b"), "deferred", True, False),
        (smtplib.SMTPDataError(554, b"5.2.2 full"), "failed", False, False),
        (smtplib.SMTPDataError(554, b"5.6.0 spam"), "deferred", False, False),
        (smtplib.SMTPDataError(421, b"4.7.28 unusual rate"), "deferred", False, False),
        (smtplib.SMTPSenderRefused(421, b"4.7.28 unusual rate", "a@b"), "deferred", True, False),
        (smtplib.SMTPDataError(421, b"4.7.0 rate"), "deferred", False, True),
        (smtplib.SMTPResponseException(-1, b"garbage"), "deferred", False, False),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), "failed", False, False),
    ],
)
def test_error_is_classified(error, state, trouble, suspected):
    outcome = classify_error(error, connecting=False, send_again=True)
    assert (outcome.state, outcome.server_trouble, outcome.server_suspected) == (state, trouble, suspected)
    assert outcome.server_answered == (outcome.code is not None and not trouble and not suspected)


def test_sender_that_was_accepted_before_is_not_what_is_refused():
    refused = smtplib.SMTPSenderRefused(550, b"5.6.7 no SMTPUTF8", "a@b")
    outcome = classify_error(refused, connecting=False, send_again=True, sender_accepted=True)
    assert (outcome.server_trouble, outcome.server_suspected, outcome.attempt_refunded) == (False, True, False)
    assert outcome.rejection == "", "its provider has not been named yet"


@pytest.mark.parametrize("code", [421, 454])
def test_server_that_closes_before_a_recipient_is_named_is_no_providers_trouble(code):
    refused = smtplib.SMTPSenderRefused(code, b"4.3.2 later", "a@b")
    outcome = classify_error(refused, connecting=False, send_again=True, sender_accepted=True)
    assert (outcome.server_trouble, outcome.rejection, outcome.attempt_refunded) == (True, "", True)


def test_email_that_may_have_been_accepted_becomes_unknown_if_it_must_not_be_sent_again():
    assert classify_error(TimeoutError(), connecting=False, send_again=False).state == "unknown"
    assert classify_error(TimeoutError(), connecting=True, send_again=False).state == "deferred"


@pytest.mark.parametrize("code", ["5.1.1", "5.1.10", "5.1.3", "5.1.6"])
def test_only_a_nonexistent_mailbox_is_suppressed(code):
    def is_gone(response):
        return classify_error(
            smtplib.SMTPRecipientsRefused({"a@b": (550, response.encode())}), connecting=False, send_again=True
        ).mailbox_gone

    assert is_gone(f"{code} unknown")
    assert not is_gone("5.7.1 policy")
    assert not is_gone("5.2.1 disabled")
    assert not is_gone("5.1.2 bad destination system")
    assert not is_gone("5.7.1 unknown user")
    assert not is_gone("no")
    assert is_gone("unknown user")


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (b"5.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery", "deferred"),
        (b"5.1.1 too many recipients this hour", "deferred"),
        (b"5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", "deferred"),
        (b"5.7.1 not wanted here", "deferred"),
        (b"5.2.2 full", "failed"),
        (b"5.1.1 no such user", "failed"),
    ],
)
def test_rate_and_reputation_are_of_the_moment_whatever_the_code(response, state):
    error = smtplib.SMTPRecipientsRefused({"a@b": (550, response)})
    outcome = classify_error(error, connecting=False, send_again=True)
    assert outcome.state == state
    assert outcome.mailbox_gone == response.startswith(b"5.1.1 no such")


def test_response_is_stored_without_the_address():
    response = b"5.1.1 <zoe@example.org>: Recipient address rejected, zoe@example.org\n5.1.1 unknown " + b"x" * 300
    outcome = classify_error(smtplib.SMTPRecipientsRefused({"a@b": (550, response)}), connecting=False, send_again=True)
    assert "zoe" not in outcome.reason
    assert len(outcome.reason) <= 200
    assert "\n" not in outcome.reason


@pytest.mark.parametrize(
    ("code", "response", "rejection", "kept", "max_attempts"),
    [
        (421, "4.7.28 unusual rate of mail from your IP", "rate", True, None),
        (421, "4.3.2 closing", "temporary", False, None),
        (450, "4.7.1 blocked using zen.spamhaus.org", "reputation", True, None),
        (550, "5.7.26 unauthenticated", "authentication", True, None),
        (550, "5.7.1 refused by policy", "policy", False, MAX_POLICY_ATTEMPTS),
        (554, "5.6.0 message rejected as spam", "content", False, MAX_POLICY_ATTEMPTS),
        # Of one mailbox, of the moment, or of nobody in particular.
        (450, "4.2.1 the user is receiving mail too quickly", "", False, None),
        (451, "4.7.1 try again later", "", False, None),
        (451, "4.7.1 greylisted", "", False, None),
        (550, "5.1.1 no such user", "", False, None),
    ],
)
def test_rejection_that_may_be_about_us(code, response, rejection, kept, max_attempts):
    error = smtplib.SMTPRecipientsRefused({"a@b": (code, response.encode())})
    outcome = classify_error(error, connecting=False, send_again=True)
    assert (outcome.rejection, outcome.kept, outcome.max_attempts) == (rejection, kept, max_attempts)
