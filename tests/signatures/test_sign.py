import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.factories import confirm_by_link, make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core.db import db, read_detached
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.personal.self_service import withdraw
from petition.signatures.sign import PetitionClosed, sign
from petition.signatures.validation import validate_details


def deliveries(kind="confirm_signature"):
    return db.session.query(Delivery).filter_by(kind=kind).order_by(Delivery.id).all()


def post(client, **fields):
    return client.post("/p/jardin/sign", data=make_form(**fields))


def age_emails(**ago):
    db.session.query(Delivery).update(
        {
            "created_at": Delivery.created_at - timedelta(**ago),
            "settled_at": Delivery.created_at - timedelta(**ago),
            "state": "sent",
        }
    )
    db.session.commit()


def test_signature_is_pending_with_one_email_enqueued(client):
    make_petition()
    answer = post(client, profession="Visiteuse de prison", city="Lyon", listed="on", updates="on")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/p/jardin/check-your-email"
    signature = db.session.query(Signature).one()
    assert (signature.state, signature.listed, signature.updates, signature.city) == ("pending", True, True, "Lyon")
    assert "Les amis du jardin" in db.session.get(ConsentWording, signature.updates_wording_id).text
    assert [(d.queue, d.state, d.subject_id) for d in deliveries()] == [("confirmations", "due", signature.id)]


def test_checkboxes_are_off_by_default(client):
    make_petition()
    post(client)
    signature = db.session.query(Signature).one()
    assert (signature.listed, signature.updates, signature.updates_wording_id) == (False, False, None)


def test_an_organisation_signs_beside_its_representative(client):
    make_petition()
    post(client)
    post(client, party="organisation", organisation="Ban Public", profession="Présidente")
    assert {(s.party, s.organisation) for s in db.session.query(Signature)} == {
        ("person", None),
        ("organisation", "Ban Public"),
    }


def test_the_same_mailbox_in_another_spelling_is_the_same_signer(client):
    make_petition()
    post(client, email="zoe.martin@gmail.com")
    post(client, email="Zoe.Martin+petition@googlemail.com", name="Zoé M.")
    signature = db.session.query(Signature).one()
    assert (signature.name, signature.email) == ("Zoé Martin", "zoe.martin@gmail.com")
    assert len(deliveries()) == 1


OTHER_SPELLINGS = ("Zoe.Martin@gmail.com", "zoemartin@gmail.com", "zoe.martin+x@gmail.com", "zoe.martin@googlemail.com")


@pytest.mark.parametrize("other", OTHER_SPELLINGS)
def test_another_spelling_causes_one_more_link_to_the_first_and_changes_nothing(client, sent_emails, other):
    make_petition()
    post(client, email="zoe.martin@gmail.com")
    run_queue("confirmations")
    age_emails(minutes=2)
    post(client, email=other, name="Somebody Else", listed="on", updates="on", locale="en")
    run_queue("confirmations")
    assert [email.to for email in sent_emails] == ["zoe.martin@gmail.com"] * 2
    signature = db.session.query(Signature).one()
    assert (signature.name, signature.email, signature.listed, signature.updates, signature.locale) == (
        "Zoé Martin", "zoe.martin@gmail.com", False, False, "fr",
    )  # fmt: skip
    assert (signature.generation, signature.valid_from) == (2, 1)
    post(client, email=other, name="Somebody Else")
    assert len(deliveries()) == 2, "the limits of a signature hold for every spelling"
    links = [re.search(r"/c/[\w.-]+", email.body)[0] for email in sent_emails]
    assert confirm_by_link(client, links[0]).status_code == 303, "the first link is still valid"


@pytest.mark.parametrize("other", OTHER_SPELLINGS)
def test_a_withdrawn_signer_in_another_spelling_gets_the_link_at_the_one_that_confirmed(client, sent_emails, other):
    make_petition()
    post(client, email="zoe.martin@gmail.com")
    confirm_signature(db.session.query(Signature).one())
    withdraw(db.session.query(Signature).one())
    db.session.commit()
    age_emails(minutes=2)
    post(client, email=other, name="Somebody Else")
    run_queue("confirmations")
    signature = db.session.query(Signature).one()
    assert (signature.state, signature.name, signature.email) == ("pending", "Zoé Martin", "zoe.martin@gmail.com")
    assert [email.to for email in sent_emails] == ["zoe.martin@gmail.com"]


def test_letters_that_look_alike_are_two_signers(client):
    make_petition()
    for email in ("ſam.victim@gmail.com", "sam.victim@gmail.com", "strauß@example.org", "strauss@example.org"):
        post(client, email=email, keep_email=email)
    assert db.session.query(Signature).count() == 4


def test_two_spellings_at_once_make_one_signature_with_the_first_of_them(app):
    make_petition()

    def ask(n):
        spelling = OTHER_SPELLINGS[n % 4]
        form = make_form(email=spelling, name=f"Signer {'ABCD'[n % 4]}")
        headers = {"X-Forwarded-For": f"203.0.{n}.9"}
        return app.test_client().post("/p/jardin/sign", data=form, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(16))) == [303] * 16
    signature = db.session.query(Signature).one()
    assert signature.name == f"Signer {'ABCD'[OTHER_SPELLINGS.index(signature.email)]}"
    assert len(deliveries()) == 1


def test_fifty_requests_ten_at_once_make_one_row_and_one_email(app):
    make_petition()
    # No more at once than a process has connections: waiting for one of those is bounded, on purpose.
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda n: (
                    app.test_client()
                    .post("/p/jardin/sign", data=make_form(), headers={"X-Forwarded-For": f"203.0.{n}.9"})
                    .status_code
                ),
                range(50),
            )
        )
    assert answers == [303] * 50
    assert db.session.query(Signature).count() == 1
    assert len(deliveries()) == 1


def test_signing_again_refreshes_and_sends_no_second_link_while_one_waits(client):
    make_petition()
    post(client)
    post(client, name="Zoé Durand")
    assert db.session.query(Signature).one().name == "Zoé Durand"
    assert len(deliveries()) == 1


def test_signing_again_after_a_minute_sends_another_link(client):
    make_petition()
    post(client)
    age_emails(seconds=50)
    post(client)
    assert len(deliveries()) == 1
    age_emails(seconds=20)
    post(client)
    assert len(deliveries()) == 2


def test_at_most_five_emails_a_day_go_to_one_signature(client):
    make_petition()
    for _ in range(8):
        post(client)
        age_emails(minutes=2)
    assert len(deliveries()) == 5
    age_emails(hours=24)
    post(client)
    assert len(deliveries()) == 6


def test_a_confirmed_signer_who_signs_again_gets_the_personal_link_and_nothing_changes(client):
    signature = make_signature(make_petition())
    confirm_signature(signature)
    db.session.commit()
    age_emails(minutes=5)
    post(client, name="Somebody Else")
    assert len(deliveries("already_signed")) == 1
    db.session.refresh(signature)
    assert (signature.name, signature.state) == ("Zoé Martin", "confirmed")


def test_a_disowned_address_is_never_emailed_again(client):
    signature = make_signature(make_petition())
    disown(signature)
    db.session.commit()
    age_emails(minutes=5)
    assert post(client).status_code == 303
    assert len(deliveries()) == 1
    db.session.refresh(signature)
    assert signature.state == "disowned"


def test_a_withdrawn_signer_may_sign_again(client):
    petition = make_petition()
    signature = make_signature(petition)
    confirm_signature(signature)
    withdraw(signature)
    db.session.commit()
    age_emails(minutes=5)
    post(client, name="Zoé again")
    db.session.refresh(signature)
    assert (signature.state, signature.name, signature.confirmed_at) == ("pending", "Zoé again", None)
    assert len(deliveries()) == 2
    assert confirm_signature(signature)
    db.session.commit()
    assert get_count(petition).people == 1


def test_a_closed_petition_cannot_be_signed(client):
    petition = make_petition()
    lifecycle.close(petition)
    db.session.commit()
    assert post(client).status_code == 422
    answer = client.post("/api/v1/petitions/jardin/signatures", json=make_form(), query_string={"lang": "en"})
    assert (answer.status_code, answer.json["detail"]) == (422, "This can no longer be signed: it is closed.")
    assert db.session.query(Signature).count() == 0


def read_petition():
    """Return a petition that does not follow later changes, as a process's cache has it."""
    return read_detached(select(Petition))[0]


def test_a_petition_that_changed_since_it_was_read_is_signed_as_it_is_now(app):
    petition, stale = make_petition(), read_petition()
    petition.version += 1
    db.session.commit()
    for name in ("Zoé Martin", "Zoé Durand"):
        sign(stale, validate_details(stale, make_form(name=name)), "page")
        process_requests()
        assert db.session.query(Signature.name).scalar() == name
    assert len(deliveries()) == 1


@pytest.mark.parametrize("signed_before", [False, True])
def test_a_petition_that_closed_since_it_was_read_is_not_signed(app, signed_before):
    petition = make_petition()
    if signed_before:
        make_signature(petition)
    stale = read_petition()
    lifecycle.close(petition)
    db.session.commit()
    with pytest.raises(PetitionClosed):
        sign(stale, validate_details(stale, make_form(name="Zoé Durand")), "page")
    process_requests()
    assert [signature.name for signature in db.session.query(Signature)] == ["Zoé Martin"] * signed_before


def test_the_answer_is_the_same_whatever_the_state(client):
    petition = make_petition()
    for state in ("pending", "confirmed", "disowned", "withdrawn", "invalidated"):
        signature = make_signature(petition, email=f"{state}@example.org")
        signature.state = state
        db.session.commit()
    answers = {}
    for n, state in enumerate(("new", "pending", "confirmed", "disowned", "withdrawn", "invalidated")):
        headers = {"X-Forwarded-For": f"203.0.{n}.1"}
        page = client.post("/p/jardin/sign", data=make_form(email=f"{state}@example.org"), headers=headers)
        api = client.post(
            "/api/v1/petitions/jardin/signatures", json=make_form(email=f"{state}@example.org"), headers=headers
        )
        answers[state] = [
            (r.status_code, r.data, sorted((k, v) for k, v in r.headers.items() if k != "X-Request-ID"))
            for r in (page, api)
        ]
    assert all(answer == answers["new"] for answer in answers.values())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "https://spam.example"}, "name"),
        ({"name": "Buy at cheap.com now"}, "name"),
        ({"name": "a@b.example"}, "name"),
        ({"name": "cliquez bit.ly/abc"}, "name"),
        ({"name": "visitez evil.co"}, "name"),
        ({"name": "casino.bet"}, "name"),
        ({"name": "ｗｗｗ．evil．com"}, "name"),
        ({"name": "evil。com"}, "name"),
        ({"name": "Appelez le 06 12 34 56 78"}, "name"),
        ({"name": "\u3164\u3164"}, "name"),
        ({"profession": "voir t.me/xyz"}, "profession"),
        ({"name": "x" * 121}, "name"),
        ({"name": "abc\u202edef"}, "name"),
        ({"name": "1234"}, "name"),
        ({"name": "A" + "\u0335" * 20}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"country": "ZZ"}, "country"),
        ({"party": "robot"}, "party"),
        ({"party": "organisation"}, "organisation"),
        ({"listed": "perhaps"}, "listed"),
    ],
)
def test_an_invalid_field_has_its_message_and_the_form_keeps_its_values(client, fields, field):
    make_petition()
    answer = post(client, **{"city": "Saint-Étienne", **fields})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="error-{field}"' in page
    assert "Saint-Étienne" in page
    api = client.post("/api/v1/petitions/jardin/signatures", json=make_form(**fields))
    assert api.status_code == 422
    assert field in api.json["errors"]
    assert db.session.query(Signature).count() == 0


@pytest.mark.parametrize(
    "name",
    [
        "M. Dupont",
        "M.Dupont",
        "J.R.R. Tolkien",
        "李",
        "محمد علي",
        "O’Neill-Ó Súilleabháin",
        "Нина",
        "Nguyễn Thị Ánh",
        "देवेन्द्र",
        "می‌خواهم",
        "J. R. R. T.",
        "José\u0301",
    ],
)
def test_names_in_any_script_are_accepted(client, name):
    make_petition()
    assert post(client, name=name).status_code == 303


def test_a_probable_typo_is_suggested_and_can_be_declined(client):
    make_petition()
    offered = post(client, email="zoe@gmial.com")
    assert offered.status_code == 422
    assert "zoe@gmail.com" in offered.get_data(as_text=True)
    assert post(client, email="zoe@gmial.com", use_suggestion="zoe@gmail.com").status_code == 303
    assert post(client, email="zoe@gmial.com", keep_email="zoe@gmial.com").status_code == 303
    assert {s.email for s in db.session.query(Signature)} == {"zoe@gmail.com", "zoe@gmial.com"}


def test_a_body_over_64_kib_is_refused(client):
    make_petition()
    assert post(client, name="x" * 70_000).status_code == 413
    answer = client.post("/api/v1/petitions/jardin/signatures", json=make_form(name="x" * 70_000))
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
