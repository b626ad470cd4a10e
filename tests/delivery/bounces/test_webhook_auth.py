"""Who may post bounces: schemes, tokens that count once, and Amazon's signatures, checked without Amazon."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from support.bounce_reports import is_suppressed

from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces import sns_signatures
from petition.delivery.bounces.models import Bounce, WebhookToken
from petition.delivery.bounces.tasks import run_retention
from petition.delivery.composers import message_id

SECRET = "a secret that the provider knows too"
TOPIC = "arn:aws:sns:eu-west-3:123456789012:bounces"
CERTIFICATE_URL = f"https://sns.eu-west-3.amazonaws.com/SimpleNotificationService-{'0f' * 16}.pem"
SUBSCRIBE_URL = f"https://sns.eu-west-3.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_certificate(key, name="sns.amazonaws.com", days=30):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(end - timedelta(days=60)).not_valid_after(end)
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def amazon(monkeypatch, key):
    """Answer in Amazon's place; returns what is answered by URL, and the URLs that were asked for."""
    pages, asked = {CERTIFICATE_URL: make_certificate(key), SUBSCRIBE_URL: b"<ConfirmSubscriptionResponse/>"}, []

    def fetch(url):
        asked.append(url)
        if url not in pages:
            raise sns_signatures.AmazonUnreachable("timed out")
        return pages[url]

    monkeypatch.setattr(sns_signatures, "fetch", fetch)
    sns_signatures._certificates.clear()
    yield pages, asked
    sns_signatures._certificates.clear()


@pytest.fixture
def post(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setitem(app.config, "PETITION_SNS_TOPIC", [TOPIC])

    def post(provider, body, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(f"/hooks/bounces/{provider}", data=body, **{"auth": ("any", SECRET), **options})

    return post


def make_notification(delivery, **changes):
    recipient = {"emailAddress": "zoe@example.org", "status": "5.1.1"}
    ses = {
        "mail": {"commonHeaders": {"messageId": message_id(delivery.id)}},
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [recipient]},
    }
    return {"Type": "Notification", "MessageId": "22b80b92", "TopicArn": TOPIC, "Message": json.dumps(ses),
            "Timestamp": "2026-11-27T09:00:00.000Z", "SignatureVersion": "2", "SigningCertURL": CERTIFICATE_URL,
            **changes}  # fmt: skip


def sign(message, key):
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    if message["Type"] != "Notification":
        names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    return message | {"Signature": base64.b64encode(key.sign(text, padding.PKCS1v15(), algorithm)).decode()}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES\nEmail Event"}])
def test_message_that_amazon_signed_is_accepted_once(post, amazon, key, delivery, version, subject):
    message = sign(make_notification(delivery, SignatureVersion=version, **subject), key)
    assert post("ses", message).status_code == 202
    assert is_suppressed()
    # The same message again, in other bytes: Amazon repeats, and others may.
    assert post("ses", json.dumps(message | {"Unsigned": 1}, indent=1).encode()).status_code == 202
    assert db.session.query(Bounce).count() == 1
    assert amazon[1] == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"Subject": "another"},
        {"Signature": "AAAA"},
        {"Signature": "é"},
        {"Signature": None},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"Type": "Other"},
        {"Timestamp": None},
        {"MessageId": 3},
    ],
    ids=str,
)
def test_changed_message_is_refused(post, amazon, key, delivery, change):
    assert post("ses", sign(make_notification(delivery), key) | change).status_code == 403
    assert db.session.query(Bounce).count() == 0


@pytest.mark.parametrize(
    "url",
    [
        CERTIFICATE_URL.replace("https", "http"),
        CERTIFICATE_URL.replace("sns.eu-west-3", "sns.us-east-1"),
        CERTIFICATE_URL.replace("amazonaws.com/", "amazonaws.com.evil.example/"),
        CERTIFICATE_URL.replace("sns.", "evil.example/sns."),
        CERTIFICATE_URL.replace("https://", "https://x@evil.example#"),
        CERTIFICATE_URL.replace("https://sns", "https://bucket.s3"),
        CERTIFICATE_URL.replace("/Simple", "/../Simple"),
        CERTIFICATE_URL + "\n",
        CERTIFICATE_URL + "?x",
        "file:///etc/passwd",
        None,
    ],
)
def test_certificate_is_fetched_from_the_topics_region_at_amazon_only(post, amazon, key, delivery, url):
    amazon[0][url] = make_certificate(key)
    assert post("ses", sign(make_notification(delivery, SigningCertURL=url), key)).status_code == 403
    assert amazon[1] == []


@pytest.mark.parametrize("topic", ["arn:aws:sns:eu-west-3:999999999999:bounces", TOPIC + "2", "bounces", ""])
def test_other_topics_are_refused(post, amazon, key, delivery, topic):
    assert post("ses", sign(make_notification(delivery, TopicArn=topic), key)).status_code == 403
    assert amazon[1] == []


@pytest.mark.parametrize(
    "certificate", [{"days": -1}, {"days": 70}, {"name": "sns.amazonaws.com.evil.example"}, {"name": "evil.example"}]
)
def test_certificate_must_be_amazons_and_valid_today(post, amazon, key, delivery, certificate):
    amazon[0][CERTIFICATE_URL] = make_certificate(key, **certificate)
    assert post("ses", sign(make_notification(delivery), key)).status_code == 403


@pytest.mark.parametrize("content", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(post, amazon, key, delivery, content):
    amazon[0][CERTIFICATE_URL] = content
    assert post("ses", sign(make_notification(delivery), key)).status_code == 403


def test_without_amazon_the_message_may_come_again(post, amazon, key, delivery):
    certificate = amazon[0].pop(CERTIFICATE_URL)
    message = sign(make_notification(delivery), key)
    answer = post("ses", message)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    amazon[0][CERTIFICATE_URL] = certificate
    assert post("ses", message).status_code == 202
    assert is_suppressed()


def test_signature_does_not_replace_the_password(post, amazon, key, delivery):
    message = sign(make_notification(delivery), key)
    assert post("ses", message, auth=None).status_code == 401
    assert post("ses", message, auth=("any", "wrong")).status_code == 403
    assert post("ses", make_notification(delivery)).status_code == 403


def test_unsigned_messages_need_the_password_alone_while_no_topic_is_set(app, post, amazon, key, delivery, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_SNS_TOPIC", [])
    assert post("ses", sign(make_notification(delivery), key) | {"Message": "{}"}).status_code == 403
    raw = json.loads(make_notification(delivery)["Message"])
    assert post("ses", raw).status_code == 202
    assert is_suppressed()


def make_confirmation(**changes):
    return {"Type": "SubscriptionConfirmation", "MessageId": "165545c9", "Token": "2336412f37", "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe.", "SubscribeURL": SUBSCRIBE_URL, "SignatureVersion": "2",
            "Timestamp": "2026-11-27T09:00:00.000Z", "SigningCertURL": CERTIFICATE_URL, **changes}  # fmt: skip


def test_subscription_of_our_topic_is_confirmed(post, amazon, key):
    assert post("ses", sign(make_confirmation(), key)).status_code == 202
    assert amazon[1] == [CERTIFICATE_URL, SUBSCRIBE_URL]
    assert db.session.query(Bounce).count() == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/?Action=ConfirmSubscription&x",
        SUBSCRIBE_URL.replace("Confirm", "Un"),
        SUBSCRIBE_URL.replace("eu-west-3.", "us-east-1.", 1),
    ],
)
def test_no_other_address_is_opened_and_a_person_reads_the_message(post, amazon, key, url):
    assert post("ses", sign(make_confirmation(SubscribeURL=url), key)).status_code == 202
    assert amazon[1] == [CERTIFICATE_URL]
    assert db.session.query(Bounce).one().kind == "not_understood"


def test_without_a_topic_a_person_confirms_the_subscription(app, post, amazon, key, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_SNS_TOPIC", [])
    assert post("ses", sign(make_confirmation(), key)).status_code == 202
    assert SUBSCRIBE_URL not in amazon[1]
    assert db.session.query(Bounce).one().kind == "not_understood"


@pytest.fixture
def mailgun(post, delivery):
    """Return a function that posts an event under a token."""

    def post_event(token, event="failed", at=None, **changes):
        stamp = str(int(time.time() if at is None else at))
        mac = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        data = {"event": event, "severity": "permanent", "recipient": "zoe@example.org",
                "message": {"headers": {"message-id": message_id(delivery.id)[1:-1]}}, **changes}  # fmt: skip
        signature = {"timestamp": stamp, "token": token, "signature": mac}
        return post("mailgun", {"signature": signature, "event-data": data}, auth=None).status_code

    return post_event


def test_mailguns_token_counts_once(mailgun):
    now = time.time()
    assert mailgun("one", "delivered", at=now) == 202
    assert mailgun("one", "failed", at=now) == 403
    assert not is_suppressed()
    assert mailgun("one", "delivered", at=now) == 202  # sent again, as its answer was lost
    assert db.session.query(Bounce).count() == 0  # an event of no interest
    assert mailgun("two", "failed") == 202
    assert is_suppressed()


@pytest.mark.parametrize("seconds", [-400, 400])
def test_mailguns_token_is_refused_outside_of_its_time(mailgun, seconds):
    assert mailgun("one", at=time.time() + seconds) == 403
    assert mailgun("") == 403


def test_tokens_are_forgotten_when_they_are_no_longer_valid(mailgun, monkeypatch):
    assert mailgun("one", "delivered") == 202
    run_retention()
    assert db.session.query(WebhookToken).count() == 1
    later = clock.now() + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: later)
    run_retention()
    assert db.session.query(WebhookToken).count() == 0


@pytest.mark.parametrize("scheme", ["Digest", "Token", "Basic2", "", "AWS4-HMAC-SHA256", "basic", "bearer"])
def test_only_basic_and_bearer_are_schemes(post, delivery, scheme):
    secret = base64.b64encode(f"any:{SECRET}".encode()).decode() if scheme == "basic" else SECRET
    headers = {"Authorization": f"{scheme} {secret}"}
    expected = 202 if scheme in ("basic", "bearer") else 403
    assert post("brevo", {"event": "spam"}, auth=None, headers=headers).status_code == expected
