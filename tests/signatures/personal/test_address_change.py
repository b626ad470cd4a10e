"""A new address: in force once its owner confirmed it, told to the old one, and never a way to learn who signed."""

import re
from datetime import timedelta

import pytest
from support.factories import make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.signatures.links import make_personal_token
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase
from petition.signatures.request_models import AddressChange
from petition.signatures.tasks import run_retention

NEW, OLD = "zoe@example.net", "zoe@example.org"


@pytest.fixture
def signature(app):
    signature = make_signature(make_petition(), state="confirmed", updates=True)
    db.session.query(Delivery).delete()
    db.session.commit()
    return signature


def me(signature):
    return f"/me/{make_personal_token(signature)}"


def ask(client, signature, address=NEW):
    return client.post(f"{me(signature)}/address?lang=en", data={"email": address})


def send_all():
    run_queue("confirmations")
    run_queue("notifications")


def link_in(message):
    return re.search(r"/a/[\w.-]+", message.body)[0]


def reload(signature):
    db.session.expire_all()
    return db.session.get(Signature, signature.id)


def test_the_new_address_confirms_and_the_old_one_is_told(client, signature, sent_emails):
    old_page = me(signature)
    assert ask(client, signature).status_code == 303
    assert reload(signature).email == OLD
    send_all()
    confirmation, notice = sent_emails
    assert (confirmation.recipients, notice.recipients) == ([NEW], [OLD])
    assert NEW not in notice.body
    link = link_in(confirmation)
    assert client.get(link).status_code == 200
    assert client.head(link).status_code == 200
    assert reload(signature).email == OLD
    answer = client.post(link)
    assert answer.headers["Location"].startswith("/me/")
    assert client.get(answer.headers["Location"]).status_code == 200
    changed = reload(signature)
    assert (changed.email, changed.email_canonical, changed.updates) == (NEW, NEW, True)
    assert client.get(old_page).status_code == 410, "a link sent to the old address"
    run_queue("notifications")
    assert sent_emails[-1].recipients == [NEW]
    assert client.post(link).status_code == 303, "again: nothing more happens"
    assert db.session.query(Delivery).filter_by(kind="personal_link").count() == 1


def test_an_address_that_signed_already_is_answered_alike_and_told_in_its_own_mailbox(client, signature, sent_emails):
    make_signature(signature.petition, email=NEW, state="confirmed")
    db.session.query(Delivery).delete()
    db.session.commit()
    answer = ask(client, signature)
    assert answer.status_code == 303
    assert "notice=address_asked" in answer.headers["Location"]
    send_all()
    refused = client.post(f"{link_in(sent_emails[0])}?lang=en")
    assert refused.status_code == 409
    assert "signed the same text already" in refused.text
    assert reload(signature).email == OLD


@pytest.mark.parametrize(
    ("typed", "said"), [("nobody", "full email address"), (OLD, "of your signature already"), ("", "full email")]
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(client, signature, typed, said):
    answer = ask(client, signature, typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed}"' in answer.text


def test_a_second_request_replaces_the_first(client, signature, sent_emails):
    ask(client, signature)
    send_all()
    assert ask(client, signature, "zoe@example.com").status_code == 422, "within a minute"
    db.session.query(Delivery).update({"created_at": clock.now() - timedelta(minutes=5),
                                       "settled_at": clock.now() - timedelta(minutes=5)})  # fmt: skip
    db.session.commit()
    ask(client, signature, "zoe@example.com")
    first = client.post(f"{link_in(sent_emails[0])}?lang=en")
    assert (first.status_code, "newer link" in first.text) == (410, True)
    assert reload(signature).email == OLD


def test_a_link_of_an_erased_signature_says_so(client, signature, sent_emails):
    ask(client, signature)
    send_all()
    erase(reload(signature))
    db.session.commit()
    answer = client.post(f"{link_in(sent_emails[0])}?lang=en")
    assert (answer.status_code, "erased" in answer.text) == (410, True)
    assert client.get("/a/made.up.link").status_code == 404


def test_old_requests_are_deleted(client, signature):
    ask(client, signature)
    run_retention()
    assert db.session.query(AddressChange).count() == 1
    db.session.query(AddressChange).update({"requested_at": clock.now() - timedelta(days=15)})
    db.session.commit()
    run_retention()
    assert db.session.query(AddressChange).count() == 0
