"""What comes back: read, believed only by a return path of ours, acted on once, and kept where it is not understood."""

import hashlib
import hmac
import json
import mailbox
import subprocess
import sys
import tarfile
import time
from email.message import EmailMessage
from importlib.metadata import version

import pytest
from support.factories import make_mailing, make_petition, make_signature

from petition.core.db import db
from petition.delivery.bounces import verp
from petition.delivery.bounces.mailbox import poll_mailbox
from petition.delivery.bounces.models import KINDS, Bounce
from petition.delivery.bounces.parser import classify_status, parse_report
from petition.delivery.bounces.processing import process_message
from petition.delivery.composers import message_id, return_path, unsubscribe_address
from petition.delivery.models import Delivery
from petition.delivery.suppressions.models import Suppression
from petition.delivery.suppressions.suppression_list import find_suppressed
from petition.mailings.models import Unsubscription
from petition.signatures.models import Signature
from petition.signatures.self_service import erase

SECRET = "a secret that the provider knows too"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Return the sample messages of flufl.bounce's own tests, out of its source package."""
    folder = tmp_path_factory.mktemp("flufl")
    wanted = f"flufl.bounce=={version('flufl.bounce')}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "flufl.bounce", wanted]
    subprocess.run([*command, "-d", str(folder)], check=True, timeout=120, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        samples = {
            member.name.rpartition("/")[2]: archive.extractfile(member).read()
            for member in archive.getmembers()
            if "/tests/data/" in member.name and member.name.endswith(".txt")
        }
    assert len(samples) > 100
    return samples


@pytest.fixture
def delivery(app):
    """Return a delivery of a mailing to a signer who agreed."""
    petition = make_petition()
    signature = make_signature(petition, email="zoe@example.org", state="confirmed", updates=True)
    mailing = make_mailing(petition, state="sending")
    db.session.query(Delivery).delete()
    return make_mailing_delivery(mailing, signature)


def make_mailing_delivery(mailing, signature):
    row = Delivery(
        kind="mailing", queue="mailings", petition_id=signature.petition_id, subject_id=signature.id,
        generation=mailing.id, mailing_id=mailing.id, state="sent", domain="example.org",
    )  # fmt: skip
    db.session.add(row)
    db.session.commit()
    return row


def notification(to, status="5.1.1", action="failed", failed="zoe@example.org", diagnostic="smtp; 550 no such user"):
    """Return a delivery status notification as RFC 3464 has it."""
    return (
        f"From: MAILER-DAEMON@mx.example.org\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {failed}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n\r\n--b--\r\n"
    ).encode()


def complaint(to):
    return (
        f"From: fbl@example.org\r\nTo: {to}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"
        "Original-Rcpt-To: <zoe@example.org>\r\n\r\n--b--\r\n"
    ).encode()


def suppressed(address="zoe@example.org"):
    return find_suppressed([address]) == {address}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", "permanent"),
        ("5.2.1", "permanent"),
        ("5.0.0", "permanent"),
        ("5.1.8", "soft"),
        ("5.2.2", "soft"),
        ("4.4.7", "soft"),
        ("5.3.0", "soft"),
        ("5.7.1", "policy"),
        ("5.7.26", "policy"),
        ("4.7.0", "policy"),
        ("", "soft"),
    ],
)
def test_a_status_means_what_rfc_3463_says(status, kind):
    assert classify_status(status) == kind


def test_a_mailbox_that_is_gone_is_suppressed_once_and_stays_so_after_erasure(delivery):
    raw = notification(return_path(delivery.id))
    for _ in range(2):
        assert process_message(raw, "test").kind == "permanent"
    assert db.session.query(Bounce).count() == 1
    assert suppressed()
    erase(db.session.get(Signature, delivery.subject_id))
    assert suppressed()


def test_a_return_path_survives_case_folding_and_key_rotation(app, delivery, monkeypatch):
    address = return_path(delivery.id)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key that is long enough for it")
    assert verp.parse_address(address.upper()) == ("bounce", delivery.id)


@pytest.mark.parametrize("forge", [
    lambda address, id: address.replace(f"+b{id}-", f"+b{id + 1}-"),
    lambda address, id: address.replace("+b", "+u"),
    lambda address, id: f"petition+b{id}-{'0' * 16}@example.org",
    lambda address, id: "petition@example.org",
    lambda address, id: f"petition+b{id}-{message_id(id).split('.')[1].split('@')[0]}@example.org",
])  # fmt: skip
def test_a_forged_report_suppresses_nobody_and_is_kept(delivery, forge):
    raw = notification(forge(return_path(delivery.id), delivery.id))
    bounce = process_message(raw, "test")
    assert (bounce.kind, bounce.raw) == ("not_understood", raw)
    assert db.session.query(Suppression).count() == db.session.query(Unsubscription).count() == 0


def test_policy_refusals_suppress_nobody(delivery):
    assert process_message(notification(return_path(delivery.id), "5.7.1"), "test").kind == "policy"
    assert (
        process_message(notification(return_path(delivery.id), "5.0.0", diagnostic="smtp; 550 5.7.26 spf"), "t").kind
        == "policy"
    )
    assert not suppressed()


def test_three_soft_bounces_of_three_emails_suppress(delivery):
    signature_id, petition_id = delivery.subject_id, delivery.petition_id
    for n in range(3):
        assert not suppressed()
        other = Delivery(kind="mailing", queue="mailings", petition_id=petition_id, subject_id=signature_id,
                         generation=100 + n, state="sent", domain="example.org")  # fmt: skip
        db.session.add(other)
        db.session.flush()
        for words in ("full", "still full"):
            process_message(notification(return_path(other.id), "5.2.2", diagnostic=f"smtp; 552 {words}"), "test")
    assert suppressed()


def test_a_delay_and_an_automatic_answer_change_nothing(delivery):
    assert process_message(notification(return_path(delivery.id), "4.4.1", action="delayed"), "test").kind == "delayed"
    answer = EmailMessage()
    answer["To"], answer["Auto-Submitted"], answer["Subject"] = return_path(delivery.id), "auto-replied", "Away"
    answer.set_content("I am away.")
    assert process_message(answer.as_bytes(), "test").kind == "delayed"
    assert not suppressed()


def test_a_complaint_suppresses_and_unsubscribes(delivery):
    assert process_message(complaint(return_path(delivery.id)), "test").kind == "complaint"
    assert suppressed()
    assert db.session.query(Unsubscription).one().choice == "complaint"


def test_a_complaint_is_matched_by_the_return_path_that_it_reports(delivery):
    raw = complaint("abuse@example.org").replace(
        b"Version: 1\r\n", f"Version: 1\r\nOriginal-Mail-From: <{return_path(delivery.id)}>\r\n".encode()
    )
    assert process_message(raw, "test").delivery_id == delivery.id
    assert suppressed()


def test_a_report_cannot_name_somebody_else(delivery):
    erase(db.session.get(Signature, delivery.subject_id))
    process_message(notification(return_path(delivery.id), failed="victim@example.org"), "test")
    assert db.session.query(Suppression).count() == 0


def test_a_mail_to_the_unsubscribe_address_stops_the_updates(delivery):
    message = EmailMessage()
    message["To"], message["Subject"] = unsubscribe_address(delivery.id), "unsubscribe"
    message.set_content("")
    assert process_message(message.as_bytes(), "test").kind == "unsubscribe"
    assert db.session.query(Unsubscription).one().choice == "these"
    assert not suppressed()


def test_every_sample_is_classified_or_kept(app, corpus, delivery):
    kinds = {}
    for name, raw in corpus.items():
        bounce = process_message(raw, "corpus", [return_path(delivery.id)])
        kinds[name] = bounce.kind
        assert bounce.kind in KINDS
        assert bounce.raw is not None or bounce.kind != "not_understood", name
    understood = [name for name, kind in kinds.items() if kind != "not_understood"]
    assert len(understood) > 0.8 * len(corpus), sorted(set(kinds) - set(understood))


def nested(depth):
    inner = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for n in range(depth):
        inner = (
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) + inner + b"\r\n--b%d--\r\n" % n
        )
    return inner


HOSTILE = {
    "nothing": b"", "nul": b"\0" * 5000, "nested": nested(100), "nested further": nested(3000),
    "broken charset": b"Content-Type: text/plain; charset=\xff\xfe\r\nSubject: =?x-unknown?q?=FF?=\r\n\r\n\xff",
    "headers": b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n", "long": b"To: " + b"a" * 5_000_000,
    "no blocks": b"Content-Type: message/delivery-status\r\n\r\n", "no original":
    b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/feedback-report\r\n\r\n\r\n--b--\r\n", "date": b"Date: \r\n Mon, 99\r\nTo: <>@<>\r\n\r\n",
    "status": notification("x@y.z", status="5." * 500), "surrogates": b"Subject: \xed\xa0\x80\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_kept_and_crash_nothing(app, name):
    bounce = process_message(HOSTILE[name], "test")
    db.session.commit()
    assert bounce.kind == "not_understood"
    assert len(bounce.raw) <= 64 * 1024
    assert parse_report(HOSTILE[name]).kind in KINDS


def test_a_maildir_is_emptied_and_nothing_taken_twice(app, delivery, tmp_path, monkeypatch):
    inbox = mailbox.Maildir(tmp_path / "in", create=True)
    for text in ("one", "two"):
        inbox.add(notification(return_path(delivery.id), diagnostic=f"smtp; 550 {text}"))
    inbox.add(b"not a report")
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_MAILBOX", f"maildir://{tmp_path}/in")
    assert [poll_mailbox(), poll_mailbox()] == [3, 0]
    assert {b.kind for b in db.session.query(Bounce)} == {"permanent", "not_understood"}
    assert len(mailbox.Maildir(tmp_path / "in").get_folder("Processed")) == 3


def signed(body, at=None):
    stamp = int(time.time() if at is None else at)
    mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Petition-Signature": f"t={stamp},v1={mac}"}


@pytest.fixture
def post_webhook(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_WEBHOOK_SECRET", SECRET)

    def post(provider, body, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = signed(body) if provider == "generic" else {}
        return client.post(f"/hooks/bounces/{provider}", data=body, **{"headers": headers, **options})

    return post


def payloads(delivery):
    """Return a permanent bounce as each provider posts it."""
    mid, who = message_id(delivery.id), "zoe@example.org"
    stamp, token = str(int(time.time())), "token"
    mac = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    ses = {"mail": {"commonHeaders": {"messageId": mid}}, "bounce": {"bounceType": "Permanent", "bouncedRecipients": [
        {"emailAddress": who, "status": "5.1.1", "diagnosticCode": "smtp; 550 gone"}]}}  # fmt: skip
    return {
        "generic": {"type": "bounce", "recipient": who, "status": "5.1.1", "message_id": mid},
        "ses": {"Type": "Notification", "Message": json.dumps(ses)},
        "postmark": {"Type": "HardBounce", "Email": who, "Details": "550 gone",
                     "Headers": [{"Name": "Message-ID", "Value": mid}]},
        "mailgun": {"signature": {"timestamp": stamp, "token": token, "signature": mac}, "event-data": {
            "event": "failed", "severity": "permanent", "recipient": who,
            "message": {"headers": {"message-id": mid[1:-1]}}}},
        "brevo": {"event": "hard_bounce", "email": who, "message-id": mid, "reason": "550 gone"},
    }  # fmt: skip


@pytest.mark.parametrize("provider", ["generic", "ses", "postmark", "mailgun", "brevo"])
def test_a_provider_who_knows_the_secret_is_believed(post_webhook, delivery, provider):
    options = {} if provider in ("generic", "mailgun") else {"auth": ("any", SECRET)}
    assert post_webhook(provider, payloads(delivery)[provider], **options).status_code == 202
    bounce = db.session.query(Bounce).one()
    assert (bounce.delivery_id, bounce.source) == (delivery.id, f"webhook:{provider}")
    assert suppressed() == (provider in ("generic", "ses")) or bounce.kind in ("permanent", "soft")


@pytest.mark.parametrize("provider", ["postmark", "brevo"])
def test_a_providers_words_tell_a_refusal_by_policy(post_webhook, delivery, provider):
    body = payloads(delivery)[provider] | {"Details": "550 5.7.1 blocked", "reason": "550 5.7.1 blocked"}
    assert post_webhook(provider, body, auth=("any", SECRET)).status_code == 202
    assert db.session.query(Bounce).one().kind == "policy"
    assert not suppressed()


def test_a_large_report_as_json_is_taken(post_webhook, delivery):
    body = payloads(delivery)["ses"] | {"padding": "x" * 300_000}
    assert post_webhook("ses", body, auth=("any", SECRET), content_type="application/json").status_code == 202


@pytest.mark.parametrize("provider", ["generic", "ses", "postmark", "mailgun", "brevo"])
def test_wrong_webhook_secret_is_refused(post_webhook, client, delivery, provider):
    body = json.dumps(payloads(delivery)[provider]).replace(SECRET, "x").encode()
    wrong = body.replace(b'"token"', b'"other"', 1) if provider == "mailgun" else body
    for headers in (
        {},
        {"Authorization": "Basic !!"},
        {"Authorization": "Bearer wrong"},
        {"X-Petition-Signature": "t=1,v1=é"},
    ):
        assert client.post(f"/hooks/bounces/{provider}", data=wrong, headers=headers).status_code == 403
    assert client.post("/hooks/bounces/generic", data=body, headers=signed(body, time.time() - 900)).status_code == 403
    assert client.post("/hooks/bounces/other", data=body).status_code == 404
    assert db.session.query(Bounce).count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"type": 3}', b"\xff\xfe", b'{"event-data": []}', b"[" * 20_000])
def test_what_a_provider_says_that_is_not_known_is_kept(post_webhook, body):
    assert post_webhook("generic", body).status_code == 202
    assert db.session.query(Bounce).one().kind == "not_understood"


def test_without_a_secret_there_is_no_hook_and_a_large_body_is_refused(client, post_webhook, app, monkeypatch):
    assert post_webhook("generic", b"x" * 1_100_000).status_code == 413
    monkeypatch.setitem(app.config, "PETITION_BOUNCE_WEBHOOK_SECRET", None)
    assert post_webhook("generic", b"{}").status_code == 404
