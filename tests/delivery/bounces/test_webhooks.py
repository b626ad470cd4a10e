import hashlib
import hmac
import json
import time

import pytest
from support.bounce_reports import is_suppressed

from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.composers import message_id, return_path

SECRET = "a secret that the provider knows too"
PROVIDERS = ["generic", "ses", "postmark", "mailgun", "brevo"]


def sign_body(body, at=None):
    stamp = int(time.time() if at is None else at)
    mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Petition-Signature": f"t={stamp},v1={mac}"}


@pytest.fixture
def post_webhook(app, client, monkeypatch):
    """Return a function that posts a provider's message, authenticated by the generic scheme where it has one."""
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_WEBHOOK_SECRET", SECRET)

    def post(provider, body, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = sign_body(body) if provider == "generic" else {}
        return client.post(f"/hooks/bounces/{provider}", data=body, **{"headers": headers, **options})

    return post


def make_payloads(delivery):
    """Return a permanent bounce as each provider posts it."""
    identifier, recipient = message_id(delivery.id), "zoe@example.org"
    stamp, token = str(int(time.time())), "token"
    mac = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    ses = {
        "mail": {"commonHeaders": {"messageId": identifier}},
        "bounce": {
            "bounceType": "Permanent",
            "bouncedRecipients": [{"emailAddress": recipient, "status": "5.1.1", "diagnosticCode": "smtp; 550 gone"}],
        },
    }
    return {
        "generic": {"type": "bounce", "recipient": recipient, "status": "5.1.1", "message_id": identifier},
        "ses": {"Type": "Notification", "Message": json.dumps(ses)},
        "postmark": {"Type": "HardBounce", "Email": recipient, "Details": "550 gone",
                     "Headers": [{"Name": "Message-ID", "Value": identifier}]},
        "mailgun": {"signature": {"timestamp": stamp, "token": token, "signature": mac}, "event-data": {
            "event": "failed", "severity": "permanent", "recipient": recipient,
            "message": {"headers": {"message-id": identifier[1:-1]}}}},
        "brevo": {"event": "hard_bounce", "email": recipient, "message-id": identifier, "reason": "550 gone"},
    }  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
def test_authentic_permanent_bounce_suppresses(post_webhook, delivery, provider):
    options = {} if provider in ("generic", "mailgun") else {"auth": ("any", SECRET)}
    assert post_webhook(provider, make_payloads(delivery)[provider], **options).status_code == 202
    bounce = db.session.query(Bounce).one()
    assert (bounce.kind, bounce.delivery_id, bounce.source) == ("permanent", delivery.id, f"webhook:{provider}")
    assert is_suppressed()


def test_mailguns_temporary_failure_is_a_delay(post_webhook, delivery):
    body = make_payloads(delivery)["mailgun"]
    body["event-data"]["severity"] = "temporary"
    assert post_webhook("mailgun", body).status_code == 202
    assert db.session.query(Bounce).one().kind == "delayed"
    assert not is_suppressed()


@pytest.mark.parametrize("provider", ["postmark", "brevo"])
def test_policy_rejection_is_recognised_in_the_diagnostic(post_webhook, delivery, provider):
    body = make_payloads(delivery)[provider] | {"Details": "550 5.7.1 blocked", "reason": "550 5.7.1 blocked"}
    assert post_webhook(provider, body, auth=("any", SECRET)).status_code == 202
    assert db.session.query(Bounce).one().kind == "policy"
    assert not is_suppressed()


def post_as(post_webhook, provider, body):
    """Post a body as a provider does, authenticated, and return the reports that are recorded."""
    if provider == "mailgun":
        stamp, token = str(int(time.time())), hashlib.sha256(json.dumps(body).encode()).hexdigest()
        mac = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        body = body | {"signature": {"timestamp": stamp, "token": token, "signature": mac}}
    assert post_webhook(provider, body, auth=("any", SECRET)).status_code == 202
    return [bounce.kind for bounce in db.session.query(Bounce).order_by(Bounce.id)]


def make_ses(delivery, kind, sub_kind, **recipient):
    """Return Amazon's default notification: without headers, as it names the email by its return path."""
    inner = {
        "notificationType": "Bounce",
        "mail": {"source": return_path(delivery.id), "messageId": "0100018", "destination": ["zoe@example.org"]},
        "bounce": {
            "bounceType": kind,
            "bounceSubType": sub_kind,
            "bouncedRecipients": [{"emailAddress": "zoe@example.org"} | recipient],
        },
    }
    return {"Type": "Notification", "Message": json.dumps(inner)}


GONE = {"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}


@pytest.mark.parametrize(
    ("kind", "sub_kind", "recipient", "kinds", "gone"),
    [
        ("Permanent", "General", GONE, ["permanent"], True),
        ("Permanent", "NoEmail", {}, ["permanent"], True),
        ("Permanent", "General", {"diagnosticCode": "smtp; 552 5.2.2 mailbox full"}, ["soft"], False),
        ("Permanent", "General", {"status": "4.4.7", "diagnosticCode": "smtp; 550 4.4.7 expired"}, ["soft"], False),
        ("Permanent", "General", {"diagnosticCode": "smtp; 550 5.7.1 blocked"}, ["policy"], False),
        ("Permanent", "Suppressed", GONE, ["policy"], False),
        ("Permanent", "OnAccountSuppressionList", GONE, ["policy"], False),
        ("Transient", "MailboxFull", {"diagnosticCode": "smtp; 552 5.2.2 full"}, ["soft"], False),
        ("Transient", "ContentRejected", {}, ["policy"], False),
        ("Transient", "General", {}, [], False),
        ("Transient", "General", GONE, ["soft"], False),
    ],
)
def test_amazons_default_notification_is_matched_by_its_source(
    post_webhook, delivery, kind, sub_kind, recipient, kinds, gone
):
    assert post_as(post_webhook, "ses", make_ses(delivery, kind, sub_kind, **recipient)) == kinds
    assert {bounce.delivery_id for bounce in db.session.query(Bounce)} <= {delivery.id}
    assert is_suppressed() is gone


@pytest.mark.parametrize("feedback", ["abuse", None, "auth-failure", "not-spam", "fraud"])
def test_only_abuse_is_a_complaint_at_amazon(post_webhook, delivery, feedback):
    inner = {
        "notificationType": "Complaint",
        "mail": {"source": return_path(delivery.id)},
        "complaint": {
            "complainedRecipients": [{"emailAddress": "zoe@example.org"}],
            "complaintFeedbackType": feedback,
        },
    }
    kinds = post_as(post_webhook, "ses", {"Type": "Notification", "Message": json.dumps(inner)})
    assert kinds == (["complaint"] if feedback in ("abuse", None) else ["delayed"])
    assert is_suppressed() is (feedback in ("abuse", None))


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("postmark", {"RecordType": "Bounce", "Type": "AutoResponder", "Email": "zoe@example.org", "Details": "away"}),
        ("postmark", {"RecordType": "Bounce", "Type": "AddressChange", "Email": "zoe@example.org"}),
        ("postmark", {"RecordType": "Open", "Recipient": "zoe@example.org"}),
        ("postmark", {"RecordType": "SubscriptionChange", "Recipient": "zoe@example.org"}),
        ("mailgun", {"event-data": {"event": "opened"}}),
        ("brevo", {"event": "click", "email": "zoe@example.org"}),
        ("ses", {"Type": "Notification", "Message": json.dumps({"eventType": "Open", "mail": {}})}),
        ("ses", {"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES."}),
    ],
)
def test_events_of_no_interest_make_no_row(post_webhook, delivery, provider, body):
    assert post_as(post_webhook, provider, body) == []


def make_failed(delivery, provider, **values):
    """Return a failure as a provider posts it."""
    identifier = message_id(delivery.id)
    if provider == "mailgun":
        data = {"event": "failed", "severity": "permanent", "recipient": "zoe@example.org",
                "message": {"headers": {"message-id": identifier[1:-1]}}}  # fmt: skip
        return {"event-data": data | values}
    if provider == "postmark":
        return {
            "RecordType": "Bounce",
            "Email": "zoe@example.org",
            "Metadata": {"message_id": identifier[1:-1]},
        } | values
    return {"email": "zoe@example.org", "message-id": identifier} | values


@pytest.mark.parametrize(
    ("provider", "values", "kind"),
    [
        ("mailgun", {"reason": "old", "delivery-status": {"code": 602, "message": "Too old"}}, "soft"),
        ("mailgun", {"reason": "suppress-bounce", "delivery-status": {"code": 605}}, "policy"),
        ("mailgun", {"reason": "bounce", "delivery-status": {"code": 498, "message": "No MX for example.org"}}, "soft"),
        ("mailgun", {"reason": "bounce", "delivery-status": {"code": 552, "message": "5.2.2 mailbox full"}}, "soft"),
        ("mailgun", {"severity": "temporary", "delivery-status": {"code": 451, "message": "greylisted"}}, "delayed"),
        ("mailgun", {"reason": "bounce", "delivery-status": {"code": 550, "message": "5.1.1 no user"}}, "permanent"),
        ("postmark", {"Type": "HardBounce", "Details": "smtp;552 5.2.2 over quota"}, "soft"),
        ("postmark", {"Type": "HardBounce", "Details": "smtp;550 4.4.7 expired"}, "soft"),
        ("postmark", {"Type": "HardBounce", "Details": "smtp;550 5.1.1 unknown user"}, "permanent"),
        ("postmark", {"Type": "ManuallyDeactivated"}, "policy"),
        ("postmark", {"Type": "Transient", "Details": "smtp;451 greylisted"}, "delayed"),
        ("postmark", {"Type": "Unsubscribe"}, "unsubscribe"),
        ("brevo", {"event": "hard_bounce", "reason": "550 5.2.2 mailbox full"}, "soft"),
        ("brevo", {"event": "blocked", "reason": "blacklisted contact"}, "policy"),
        ("brevo", {"event": "deferred", "reason": "451 greylisted"}, "delayed"),
    ],
)
def test_failure_is_what_the_mailboxs_server_said(post_webhook, delivery, provider, values, kind):
    assert post_as(post_webhook, provider, make_failed(delivery, provider, **values)) == [kind]
    assert db.session.query(Bounce).one().delivery_id == delivery.id
    assert is_suppressed() is (kind == "permanent")


@pytest.mark.parametrize(
    ("provider", "values"),
    [
        ("mailgun", {"event": "delivered"}),
        ("postmark", {"RecordType": "Delivery", "Recipient": "zoe@example.org"}),
        ("brevo", {"event": "delivered"}),
    ],
)
def test_delivery_clears_what_was_counted(post_webhook, delivery, provider, values):
    failed = {"type": "soft", "diagnostic": "552 5.2.2 mailbox full", "message_id": message_id(delivery.id)}
    assert post_as(post_webhook, "generic", failed) == ["soft"]
    assert db.session.query(Bounce).one().counts
    assert post_as(post_webhook, provider, make_failed(delivery, provider, **values)) == ["soft"]
    assert not db.session.query(Bounce).populate_existing().one().counts


def test_large_json_report_is_accepted(post_webhook, delivery):
    body = make_payloads(delivery)["ses"] | {"padding": "x" * 300_000}
    assert post_webhook("ses", body, auth=("any", SECRET), content_type="application/json").status_code == 202


@pytest.mark.parametrize("provider", PROVIDERS)
def test_wrong_webhook_secret_is_refused(post_webhook, client, delivery, provider):
    body = json.dumps(make_payloads(delivery)[provider]).encode()
    forged = body.replace(b'"token": "token"', b'"token": "other"', 1) if provider == "mailgun" else body
    for headers in (
        {"Authorization": "Basic !!"},
        {"Authorization": "Bearer wrong"},
        {"X-Petition-Signature": "t=1,v1=é", "Authorization": "Bearer"},
    ):
        assert client.post(f"/hooks/bounces/{provider}", data=forged, headers=headers).status_code == 403
    assert db.session.query(Bounce).count() == 0


@pytest.mark.parametrize("provider", ["ses", "postmark", "brevo"])
def test_password_is_asked_for_as_amazon_expects(client, post_webhook, delivery, provider):
    answer = client.post(f"/hooks/bounces/{provider}", data=json.dumps(make_payloads(delivery)[provider]))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert db.session.query(Bounce).count() == 0


@pytest.mark.parametrize("provider", ["generic", "mailgun"])
def test_missing_signature_is_refused(client, post_webhook, delivery, provider):
    body = make_payloads(delivery)[provider] | {"signature": None}
    assert client.post(f"/hooks/bounces/{provider}", data=json.dumps(body)).status_code == 403


def test_old_signature_is_refused(post_webhook, delivery):
    body = json.dumps(make_payloads(delivery)["generic"]).encode()
    assert post_webhook("generic", body, headers=sign_body(body, time.time() - 900)).status_code == 403
    assert db.session.query(Bounce).count() == 0


def test_unknown_provider_is_not_found(post_webhook):
    assert post_webhook("other", b"{}").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"type": 3}', b"\xff\xfe", b'{"event-data": []}', b"[" * 20_000])
def test_unknown_message_is_stored(post_webhook, body):
    assert post_webhook("generic", body).status_code == 202
    assert db.session.query(Bounce).one().kind == "not_understood"


def test_large_body_is_refused_and_nothing_is_found_without_a_secret(post_webhook, app, monkeypatch):
    assert post_webhook("generic", b"x" * 1_100_000).status_code == 413
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_WEBHOOK_SECRET", None)
    assert post_webhook("generic", b"{}").status_code == 404
