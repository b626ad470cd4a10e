"""A report counts only if it was sent to a return path of ours; it is applied once, and stored if not understood."""

from email.message import EmailMessage

import pytest
from support.bounce_reports import is_suppressed, make_complaint, make_notification

from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.processing import process_message
from petition.delivery.composers import message_id, return_path, unsubscribe_address
from petition.delivery.models import Delivery
from petition.delivery.suppressions.models import Suppression
from petition.delivery.suppressions.suppression_list import hash_address
from petition.mailings.models import Unsubscription
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase


def test_permanent_bounce_suppresses_once_and_beyond_erasure(delivery):
    raw = make_notification(return_path(delivery.id))
    for _ in range(2):
        assert process_message(raw, "test").kind == "permanent"
    assert db.session.query(Bounce).count() == 1
    assert is_suppressed()
    erase(db.session.get(Signature, delivery.subject_id))
    assert is_suppressed()


@pytest.mark.parametrize("forge", [
    lambda address, id: address.replace(f"+b{id}-", f"+b{id + 1}-"),
    lambda address, id: address.replace("+b", "+u"),
    lambda address, id: f"petition+b{id}-{'0' * 16}@example.org",
    lambda address, id: "petition@example.org",
    lambda address, id: f"petition+b{id}-{message_id(id).split('.')[1].split('@')[0]}@example.org",
])  # fmt: skip
def test_forged_report_suppresses_nobody_and_is_stored(delivery, forge):
    raw = make_notification(forge(return_path(delivery.id), delivery.id))
    bounce = process_message(raw, "test")
    assert (bounce.kind, bounce.raw) == ("not_understood", raw)
    assert db.session.query(Suppression).count() == db.session.query(Unsubscription).count() == 0


def test_policy_rejection_suppresses_nobody(delivery):
    address = return_path(delivery.id)
    for raw in (
        make_notification(address, "5.7.1"),
        make_notification(address, "5.0.0", diagnostic="smtp; 550 5.7.26 spf"),
    ):
        assert process_message(raw, "test").kind == "policy"
    assert not is_suppressed()


def test_soft_bounces_of_three_emails_suppress(delivery):
    signature_id, petition_id = delivery.subject_id, delivery.petition_id
    for n in range(3):
        assert not is_suppressed()
        other = Delivery(kind="mailing", queue="mailings", petition_id=petition_id, subject_id=signature_id,
                         generation=100 + n, state="sent", domain="example.org",
                         address_hash=delivery.address_hash)  # fmt: skip
        db.session.add(other)
        db.session.flush()
        for text in ("full", "still full"):
            process_message(make_notification(return_path(other.id), "5.2.2", diagnostic=f"smtp; 552 {text}"), "test")
    assert is_suppressed()


def make_delivery(delivery, generation):
    """Return another delivery to the same signer."""
    other = Delivery(kind="mailing", queue="mailings", petition_id=delivery.petition_id, subject_id=delivery.subject_id,
                     generation=generation, state="sent", domain="example.org",
                     address_hash=delivery.address_hash)  # fmt: skip
    db.session.add(other)
    db.session.flush()
    return other


@pytest.mark.parametrize(
    "options",
    [
        {"status": "4.7.1", "diagnostic": "smtp; 451 4.7.1 Greylisted, please try again"},
        {"status": "4.4.7", "diagnostic": "smtp; 451 4.4.1 connection timed out"},
        {"status": "5.0.0", "diagnostic": "smtp; 550 failed"},
        {"status": "5.2.1", "diagnostic": "smtp; 550 5.2.1 receiving mail at a rate that prevents delivery"},
    ],
)
def test_failures_that_are_not_the_mailboxs_count_nothing(delivery, options):
    for n in range(4):
        process_message(make_notification(return_path(make_delivery(delivery, 100 + n).id), **options), "test")
    assert not is_suppressed()


def test_later_delivery_clears_the_count(delivery):
    for n in range(4):
        other = make_delivery(delivery, 100 + n)
        process_message(make_notification(return_path(other.id), "5.2.2", diagnostic="smtp; 552 full"), "test")
        if n == 1:
            later = make_delivery(delivery, 200)
            raw = make_notification(return_path(later.id), "2.0.0", action="delivered", diagnostic="smtp; 250 OK")
            assert process_message(raw, "test").kind == "delayed"
    assert not is_suppressed()
    process_message(make_notification(return_path(make_delivery(delivery, 300).id), "5.2.2"), "test")
    assert is_suppressed()


def test_mailbox_that_is_full_behind_a_code_of_none_is_not_suppressed(delivery):
    raw = make_notification(
        return_path(delivery.id), "5.1.1", diagnostic="smtp; 552 5.1.1 Boite du destinataire pleine. OFR_417 [417]"
    )
    assert process_message(raw, "test").kind == "soft"
    assert not is_suppressed()


def test_bounce_that_is_marked_as_an_answer_is_a_bounce(delivery):
    message = EmailMessage()
    message["From"], message["To"] = "Mailer-Daemon@mx.example.net", return_path(delivery.id)
    message["Auto-Submitted"], message["X-Failed-Recipients"] = "auto-replied", "zoe@example.org"
    message.set_content("This message was created automatically.\n\n  zoe@example.org\n    550 5.1.1 unknown user\n")
    assert process_message(message.as_bytes(), "test").kind == "permanent"
    assert is_suppressed()


def test_delay_and_automatic_reply_change_nothing(delivery):
    delayed = make_notification(return_path(delivery.id), "4.4.1", action="delayed")
    reply = EmailMessage()
    reply["To"], reply["Auto-Submitted"], reply["Subject"] = return_path(delivery.id), "auto-replied", "Away"
    reply.set_content("I am away.")
    assert process_message(delayed, "test").kind == "delayed"
    assert process_message(reply.as_bytes(), "test").kind == "delayed"
    assert not is_suppressed()


def test_complaint_suppresses_and_unsubscribes(delivery):
    assert process_message(make_complaint(return_path(delivery.id)), "test").kind == "complaint"
    assert is_suppressed()
    assert db.session.query(Unsubscription).one().choice == "complaint"


def test_complaint_is_matched_by_the_return_path_that_it_reports(delivery):
    raw = make_complaint("abuse@example.org").replace(
        b"Version: 1\r\n", f"Version: 1\r\nOriginal-Mail-From: <{return_path(delivery.id)}>\r\n".encode()
    )
    assert process_message(raw, "test").delivery_id == delivery.id
    assert is_suppressed()


@pytest.mark.parametrize("part", ["message/rfc822", "text/rfc822-headers"])
def test_complaint_is_matched_by_the_unsubscribe_address_in_its_copy(delivery, part):
    unsubscribe = f"List-Unsubscribe: <https://example.org/u/x>, <mailto:{unsubscribe_address(delivery.id)}>"
    raw = make_complaint("abuse@example.org").replace(
        b"\r\n--b--", f"--b\r\nContent-Type: {part}\r\n\r\nSubject: x\r\n{unsubscribe}\r\n\r\n--b--".encode()
    )
    bounce = process_message(raw, "test")
    assert (bounce.kind, bounce.delivery_id) == ("complaint", delivery.id)
    assert is_suppressed()


def test_complaint_in_microsofts_plain_form_is_matched(delivery):
    raw = (
        "From: staff@hotmail.com\r\nTo: abuse@example.org\r\nSubject: complaint about message from 192.0.2.7\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/rfc822\r\n\r\nX-HmXmrOriginalRecipient: zoe@example.org\r\n"
        f"Return-Path: <{return_path(delivery.id)}>\r\nSubject: x\r\n\r\nBonjour.\r\n--b--\r\n"
    ).encode()
    bounce = process_message(raw, "test")
    assert (bounce.kind, bounce.delivery_id) == ("complaint", delivery.id)
    assert is_suppressed()


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "fraud", "virus", "other"])
def test_other_feedback_is_no_complaint(delivery, kind):
    raw = make_complaint(return_path(delivery.id)).replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())
    assert process_message(raw, "test").kind == "delayed"
    assert not is_suppressed()
    assert db.session.query(Unsubscription).count() == 0


def test_bounce_is_not_matched_by_an_unsubscribe_address_in_its_copy(delivery):
    unsubscribe = f"List-Unsubscribe: <mailto:{unsubscribe_address(delivery.id)}>"
    raw = make_notification("petition@example.org").replace(
        b"\r\n--b--", f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{unsubscribe}\r\n\r\n--b--".encode()
    )
    assert process_message(raw, "test").kind == "not_understood"
    assert not is_suppressed()


def test_report_cannot_name_another_address(delivery):
    erase(db.session.get(Signature, delivery.subject_id))
    process_message(make_notification(return_path(delivery.id), failed="victim@example.org"), "test")
    assert not is_suppressed("victim@example.org")
    assert is_suppressed()


def change_address(delivery, address="zoe@example.net"):
    signature = db.session.get(Signature, delivery.subject_id)
    signature.email = signature.email_canonical = address
    db.session.commit()
    return signature


def test_late_bounce_suppresses_the_address_that_the_email_went_to(delivery):
    change_address(delivery)
    process_message(make_notification(return_path(delivery.id)), "test")
    assert is_suppressed("zoe@example.org")
    assert not is_suppressed("zoe@example.net")


def test_soft_bounces_count_for_the_address_that_each_email_went_to(delivery):
    change_address(delivery)
    for n in range(4):
        went_to = "zoe@example.org" if n % 2 else "zoe@example.net"
        other = Delivery(
            kind="mailing", queue="mailings", petition_id=delivery.petition_id, generation=100 + n,
            subject_id=delivery.subject_id, state="sent", address_hash=hash_address(went_to)[0],
        )  # fmt: skip
        db.session.add(other)
        db.session.flush()
        process_message(make_notification(return_path(other.id), "5.2.2"), "test")
    assert not is_suppressed("zoe@example.org")
    assert not is_suppressed("zoe@example.net")


@pytest.mark.parametrize("kind", ["complaint", "unsubscribe"])
def test_complaint_of_a_former_address_leaves_the_updates_of_the_present_one(delivery, kind):
    signature = change_address(delivery)
    if kind == "complaint":
        process_message(make_complaint(return_path(delivery.id)), "test")
    else:
        process_message(f"To: {unsubscribe_address(delivery.id)}\r\n\r\n".encode(), "test")
    assert signature.updates
    assert is_suppressed("zoe@example.org") == (kind == "complaint")
    assert not is_suppressed("zoe@example.net")


@pytest.mark.parametrize("kind", ["confirm_signature", "mailing"])
def test_complaint_of_the_present_address_stops_the_updates_under_a_former_key_too(delivery, app, monkeypatch, kind):
    if kind == "confirm_signature":
        delivery.kind, delivery.mailing_id = kind, None
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
    path = return_path(delivery.id)
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key, to which it was rotated since")
    process_message(make_complaint(path), "test")
    assert not db.session.get(Signature, delivery.subject_id).updates
    assert is_suppressed()


def test_report_of_an_email_without_a_recorded_address_affects_nobody(delivery):
    delivery.address_hash = None
    db.session.commit()
    for raw in (make_notification(return_path(delivery.id)), make_complaint(return_path(delivery.id))):
        bounce = process_message(raw, "test")
        assert bounce.response.startswith("the address it went to was not recorded")
    assert db.session.query(Suppression).count() == 0
    assert db.session.get(Signature, delivery.subject_id).updates


def test_email_to_the_unsubscribe_address_stops_updates(delivery):
    message = EmailMessage()
    message["To"], message["Subject"] = unsubscribe_address(delivery.id), "unsubscribe"
    message.set_content("")
    assert process_message(message.as_bytes(), "test").kind == "unsubscribe"
    assert db.session.query(Unsubscription).one().choice == "these"
    assert not is_suppressed()


def test_message_that_is_not_understood_is_stored_up_to_a_limit(app):
    bounce = process_message(b"To: petition@example.org\r\n\r\n" + b"\0" * 200_000, "test")
    db.session.commit()
    assert bounce.kind == "not_understood"
    assert len(bounce.raw) == 64 * 1024
