"""One signature on the desk: what is shown, what each action does, and what is refused."""

import re
from datetime import timedelta

import pytest
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.petitions.counters import get_count
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.links import make_confirm_token, personal_path
from petition.signatures.listing.public_list import list_signatories
from petition.signatures.models import Signature
from petition.signatures.staff.actions import AUDIT_ACTIONS, list_allowed_actions
from petition.team.models import AuditEvent


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner", name="Alix")


@pytest.fixture
def petition(app):
    return make_petition()


def path(signature):
    return f"/desk/signatures/{signature.id}"


def seen(client, signature):
    db.session.rollback()
    page = client.get(path(signature)).text
    actions = list_allowed_actions(signature)
    if "seen" not in page and actions:
        page = client.get(f"{path(signature)}/{actions[0]}").text
    return re.search(r'name="seen" value="([^"]*)"', page)[1]


def perform(client, signature, verb, /, **fields):
    answer = post_form(client, f"{path(signature)}/{verb}", **{"seen": seen(client, signature), **fields})
    db.session.expire_all()
    return answer


def confirmed(petition, **overrides):
    signature = make_signature(petition, **overrides)
    confirm_signature(signature)
    db.session.commit()
    return signature


def last_record():
    return db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()


def test_the_page_shows_details_and_history_and_records_the_view(client, campaigner, petition, sent_emails):
    signature = make_signature(petition, name="Zoé Martin", profession="Juge", updates=True)
    run_queue("confirmations")
    confirm_signature(signature)
    db.session.commit()
    perform(client, signature, "invalidate", reason="asked by the court")
    page = client.get(path(signature) + "?lang=en").text
    wanted = ("Zoé Martin", "Juge", "zoe@example.org", "Signed for the first time", "(link to confirm): sent.")
    done = ("Confirmed, and counted", "nouvelles de cette campagne", "invalidated it", "asked by the court")
    for words in (*wanted, *done):
        assert words in page, words
    assert db.session.query(AuditEvent).filter_by(action="signature.viewed").count() >= 1
    assert client.get("/desk/signatures/999").status_code == 404
    assert client.get("/desk/signatures/99999999999999999999").status_code == 404
    assert client.get(path(signature) + "/explode").status_code == 404


def test_the_audit_trail_names_no_signer(client, campaigner, petition):
    signature = make_signature(petition, name="Zoé Martin", email="zoe@example.org")
    perform(client, signature, "correct", name="Zoé Martinet", email="zoe.m@example.org")
    perform(client, signature, "confirm", reason="seen at the stand")
    for record in db.session.query(AuditEvent):
        words = f"{record.before} {record.after}".lower()
        assert "zoe" not in words
        assert "martin" not in words
    assert (
        post_form(client, f"{path(signature)}/invalidate", seen=seen(client, signature), reason="zoe@x.org").status_code
        == 422
    )


def test_staff_confirmation_counts_once_and_emails_the_signer(client, campaigner, petition, sent_emails):
    signature = make_signature(petition, listed=True)
    assert perform(client, signature, "confirm").status_code == 422, "a reason is required"
    assert perform(client, signature, "confirm", reason="by phone").status_code == 303
    assert (signature.state, get_count(petition).confirmed) == ("confirmed", 1)
    assert signature.confirmed_no
    assert [item.name for item in list_signatories(petition).items] == ["Zoé Martin"]
    assert last_record().after == {"reason": "by phone", "state": "confirmed"}
    run_queue("confirmations")
    run_queue("notifications")
    assert len(sent_emails) == 1
    assert "/me/" in sent_emails[0].body


def test_a_mailbox_that_confirmed_nothing_gets_no_updates(client, campaigner, petition):
    signature = make_signature(petition, updates=True)
    agreed_at = signature.updates_at
    perform(client, signature, "confirm", reason="by phone")
    assert (signature.state, signature.updates) == ("confirmed", False)
    assert signature.updates_at == agreed_at, "what was ticked stays in the history"
    client.post(f"{personal_path(signature)}/updates", data={"updates": "on"})
    db.session.expire_all()
    assert signature.updates


def test_no_action_on_a_signature_that_changed_since_the_page_was_made(client, campaigner, petition):
    signature = make_signature(petition)
    old = seen(client, signature)
    confirm_signature(db.session.get(Signature, signature.id))
    db.session.commit()
    for name in ("invalidate", "confirm", "resend", "correct"):
        answer = post_form(client, f"{path(signature)}/{name}?lang=en", seen=old, reason="spam")
        assert answer.status_code == 409
        assert "changed after you opened the page" in answer.text
    assert post_form(client, f"{path(signature)}/withdraw").status_code == 409
    db.session.expire_all()
    assert signature.state == "confirmed"
    assert get_count(petition).confirmed == 1


def test_invalidating_and_reinstating_keep_count_place_and_number(client, campaigner, petition, sent_emails):
    signature = confirmed(petition, listed=True)
    moment, number = signature.confirmed_at, signature.confirmed_no
    perform(client, signature, "invalidate", reason="made up")
    assert (signature.state, get_count(petition).confirmed, len(list_signatories(petition).items)) == (
        "invalidated",
        0,
        0,
    )
    # Neither the queued email nor a new request sends anything.
    make_signature(petition)
    for queue in ("confirmations", "notifications"):
        run_queue(queue)
    assert sent_emails == []
    assert client.get(f"/c/{make_confirm_token(signature)}").status_code == 410
    perform(client, signature, "reinstate", reason="it was real")
    assert (signature.state, signature.confirmed_at, signature.confirmed_no) == ("confirmed", moment, number)
    assert (get_count(petition).confirmed, signature.ended_at) == (1, None)
    pending = make_signature(petition, email="p@example.org")
    perform(client, pending, "invalidate", reason="made up")
    perform(client, pending, "reinstate", reason="it was real")
    assert (pending.state, get_count(petition).confirmed) == ("pending", 1)


def test_withdrawing_on_request(client, campaigner, petition):
    signature = confirmed(petition)
    assert perform(client, signature, "withdraw").status_code == 303
    assert (signature.state, get_count(petition).confirmed) == ("withdrawn", 0)
    assert db.session.query(Delivery).filter_by(kind="withdrawn").count() == 1
    assert "Its owner may sign again." in client.get(path(signature) + "?lang=en").text
    assert client.get(path(signature) + "/withdraw").status_code == 303


def test_the_link_is_sent_again_within_the_limits(client, campaigner, petition, sent_emails):
    signature = make_signature(petition)
    refused = perform(client, signature, "resend")
    assert refused.status_code == 422, "one is queued"
    run_queue("confirmations")
    db.session.query(Delivery).update({"settled_at": Delivery.settled_at - timedelta(minutes=2)})
    db.session.commit()
    assert perform(client, signature, "resend").status_code == 303
    run_queue("confirmations")
    assert len(sent_emails) == 2
    assert last_record().action == "signature.resent"


def test_correcting_texts(client, campaigner, petition):
    signature = confirmed(petition, name="Zoé Matrin", profession="Juge")
    form = {"name": " Zoé  Martin ", "profession": "", "city": "Lyon", "postal_code": "", "email": "zoe@example.org"}
    assert perform(client, signature, "correct", **form).status_code == 303
    assert (signature.name, signature.profession, signature.city) == ("Zoé Martin", None, "Lyon")
    assert last_record().after["fields"] == ["name", "profession", "city"]
    again = perform(client, signature, "correct", **form)
    assert again.status_code == 422, "nothing was changed"
    bad = perform(client, signature, "correct", **{**form, "name": "", "city": "http://x.fr"})
    assert bad.status_code == 422
    assert "http://x.fr" in bad.text
    assert signature.name == "Zoé Martin"


def test_another_address_of_a_pending_signature_gets_the_only_link_that_works(
    client, campaigner, petition, sent_emails
):
    signature = make_signature(petition, email="zoe@exemple.org")
    run_queue("confirmations")
    old = make_confirm_token(signature)
    form = {"name": "Zoé Martin", "email": "zoe@example.org"}
    assert perform(client, signature, "correct", **form).status_code == 303
    run_queue("confirmations")
    assert [email.to for email in sent_emails] == ["zoe@exemple.org", "zoe@example.org"]
    assert client.get(f"/c/{old}").status_code == 410
    link = re.search(r"/c/\S+", sent_emails[1].body)[0]
    assert client.get(link).status_code == 200
    assert signature.email_canonical == "zoe@example.org"


def test_an_address_that_somebody_signed_with_is_refused(client, campaigner, petition):
    make_signature(petition, email="taken@example.org")
    signature = make_signature(petition, email="zoe@example.org")
    answer = perform(client, signature, "correct", name="Zoé", email="Taken@Example.org")
    assert answer.status_code == 422
    assert (signature.name, signature.email) == ("Zoé Martin", "zoe@example.org")


def test_only_the_spelling_of_a_confirmed_address_changes(client, campaigner, petition):
    signature = confirmed(petition, email="jean.dupont@gmail.com")
    assert perform(client, signature, "correct", name="Zoé Martin", email="other@example.org").status_code == 422
    assert perform(client, signature, "correct", name="Zoé Martin", email="jeandupont@gmail.com").status_code == 303
    assert (signature.state, signature.email) == ("confirmed", "jeandupont@gmail.com")


def test_the_owner_of_another_address_is_asked_to_confirm_it(client, campaigner, petition, sent_emails):
    signature = confirmed(petition, updates=True)
    db.session.query(Delivery).delete()
    db.session.commit()
    page = client.get(f"{path(signature)}/change_address?lang=en").text
    assert 'name="email"' in page
    assert "zoe@example.org" not in re.search(r'name="email"[^>]*', page)[0]
    answer = perform(client, signature, "change_address", email="zoe@example.net", reason="letter of 3 March")
    assert answer.status_code == 303
    assert signature.email == "zoe@example.org", "until its owner confirms it"
    event = last_record() if last_record().action != "signature.viewed" else None
    assert (event.action, event.after["reason"]) == ("signature.address_given", "letter of 3 March")
    assert "@" not in str(event.after) + str(event.before)
    run_queue("confirmations")
    run_queue("notifications")
    request, notice = sent_emails
    assert (request.recipients, notice.recipients) == (["zoe@example.net"], ["zoe@example.org"])
    assert "en nous écrivant" in " ".join(notice.body.split())
    client.post(re.search(r"/a/[\w.-]+", request.body)[0])
    db.session.expire_all()
    assert (signature.email, signature.state, signature.updates) == ("zoe@example.net", "confirmed", True)
    page = client.get(path(signature) + "?lang=en").text
    for words in ("asked the owner of a new address", "letter of 3 March", "took the place of the other"):
        assert words in page, words


def test_a_new_address_that_cannot_be_is_refused_and_nothing_typed_is_lost(client, campaigner, petition):
    make_signature(petition, email="taken@example.org")
    signature = confirmed(petition)
    db.session.query(Delivery).delete()
    db.session.commit()
    for email, reason, said in (
        ("Taken@example.org", "letter", "Somebody signed this petition with that address already"),
        ("nobody", "letter", "full email address"), ("zoe@example.net", "", "Write a reason"),
    ):  # fmt: skip
        fields = {"email": email, "reason": reason, "seen": seen(client, signature)}
        answer = post_form(client, f"{path(signature)}/change_address?lang=en", **fields)
        assert answer.status_code == 422
        assert said in answer.text
        assert email in answer.text
    assert db.session.query(Delivery).count() == 0
    assert "change_address" not in list_allowed_actions(make_signature(petition, email="pending@example.org"))


def test_other_roles_and_visitors_have_no_access(client, app, petition):
    signature = make_signature(petition)
    sign_in(client, "operator")
    assert client.get(path(signature)).status_code == 403
    assert app.test_client().get(path(signature)).status_code == 302


def test_a_disowned_signature_that_was_confirmed_is_put_back(client, campaigner, petition, sent_emails):
    signature = confirmed(petition, listed=True, updates=True)
    number, old = signature.confirmed_no, make_confirm_token(signature)
    disown(signature)
    db.session.commit()
    assert get_count(petition).confirmed == 0
    page = client.get(path(signature) + "?lang=en").text
    assert "Put back…" in page
    assert "until then only the team sees them" in page
    assert "counts again" in client.get(f"{path(signature)}/restore?lang=en").text
    assert perform(client, signature, "restore", reason="").status_code == 422, "with a reason only"
    assert perform(client, signature, "restore", reason="pressed in error, she wrote").status_code == 303
    db.session.refresh(signature)
    assert (signature.state, signature.confirmed_no, signature.ended_at) == ("confirmed", number, None)
    assert (signature.name, signature.listed, signature.updates) == ("Zoé Martin", True, False)
    assert get_count(petition).confirmed == 1
    assert [one.name for one in list_signatories(petition).items] == ["Zoé Martin"]
    assert last_record().action == "signature.restored"
    assert last_record().after == {"reason": "pressed in error, she wrote", "state": "confirmed"}
    assert "put it back, though it had been disowned" in client.get(path(signature) + "?lang=en").text
    assert client.get(f"/c/{old}").status_code == 410, "the link that disowned it"
    run_queue("notifications")
    assert client.get(re.search(r"/me/\S+", sent_emails[-1].body)[0]).status_code == 200


def test_a_signature_without_details_cannot_be_put_back(client, campaigner, petition):
    signature = make_signature(petition)
    disown(signature)
    db.session.commit()
    assert "Put back" not in client.get(path(signature) + "?lang=en").text
    assert client.get(f"{path(signature)}/restore").status_code == 303
    assert post_form(client, f"{path(signature)}/restore", seen="", reason="spam").status_code in (409, 422)
    assert get_count(petition).confirmed == 0


def test_the_news_are_stopped_and_the_signature_stays(client, campaigner, petition):
    signature = confirmed(petition, updates=True)
    assert perform(client, signature, "stop_updates").status_code == 303
    db.session.refresh(signature)
    assert (signature.state, signature.updates, last_record().action) == (
        "confirmed", False, "signature.updates_stopped",
    )  # fmt: skip
    assert "stop_updates" not in client.get(path(signature)).text, "there is nothing left to stop"


def test_a_signature_is_erased_for_who_wrote_a_letter(client, campaigner, petition):
    signature = confirmed(petition)
    number = signature.id
    assert perform(client, signature, "erase", reason="").status_code == 422
    answer = perform(client, signature, "erase", reason="letter of 3 March")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/signatures/")
    assert db.session.query(Signature).count() == get_count(petition).confirmed == 0
    event = last_record()
    assert (event.action, event.subject_id, event.after) == (
        "signature.erased", str(number), {"reason": "letter of 3 March", "state": "erased"},
    )  # fmt: skip
    assert client.get(f"/desk/signatures/{number}").status_code == 404


def test_a_restricted_signature_can_only_be_erased_or_put_into_use_again(client, campaigner, petition):
    signature = confirmed(petition, updates=True, listed=True)
    perform(client, signature, "restrict", reason="they contest the role")
    db.session.refresh(signature)
    assert (signature.listed, signature.updates, bool(signature.restricted_at)) == (False, False, True)
    page = client.get(path(signature) + "?lang=en").text
    assert "asked on" in page
    assert [name for name in AUDIT_ACTIONS if f"{path(signature)}/{name}" in page] == ["lift", "erase"]
    perform(client, signature, "lift", reason="settled")
    db.session.refresh(signature)
    assert (signature.listed, signature.restricted_at) == (False, None)
    assert last_record().action == "signature.restriction_lifted"
