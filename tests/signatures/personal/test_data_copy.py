"""The copy of a signer's data: complete, readable, and theirs alone."""

import uuid
from datetime import timedelta

import pytest
from support.factories import make_mailing, make_petition, make_signature

from petition.backups import journal
from petition.backups.models import Act
from petition.bulk_actions.models import BulkAction, BulkActionRow
from petition.core import clock
from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.models import Attempt, Delivery
from petition.delivery.suppressions.suppression_list import hash_address, suppress
from petition.mailings.models import Unsubscription
from petition.signatures.links import personal_path
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.personal.data_copy import HIDDEN_COLUMNS, collect_data
from petition.signatures.request_models import AddressChange, SignRequest
from petition.signatures.review.models import NameReport
from petition.signatures.staff.actions import perform_action
from petition.signatures.views.personal_page import TECHNICAL_FIELDS, TYPED_FIELDS
from petition.team import audit

# Columns by which a row is about a signer: each table that has one is in the copy, or here with the reason why not.
# Said in the copy that the team hands out, and not to whoever has a link (docs/decisions/0060).
QUARANTINE_COLUMNS = {"quarantined_at", "quarantined_by"}
REFERENCES = (
    "subject_id",
    "subject_hash",
    "signature_id",
    "delivery_id",
    "email",
    "email_canonical",
    "address_hash",
    "key_hash",
)
IN_THE_COPY = {
    "signatures", "sign_requests", "deliveries", "attempts", "bounces", "suppressions", "audit_events",
    "bulk_action_rows", "unsubscriptions", "name_reports", "erasure_journal", "person_requests", "address_changes",
    "count_commitments", "partner_consents", "webhook_events",
}  # fmt: skip
NOT_IN_THE_COPY = {
    "count_events": "taken by a worker within seconds; their entries are public and of nobody",
    "accounts": "the team's own",
    "list_requests": "taken by a worker within seconds",
    "drifts": "differences between counters and rows, by petition or delivery, until they are repaired",
    "code_tries": "counts under a keyed hash, until the code has expired; the page says so",
    "email_budgets": "counts under a keyed hash, for a day; the page says so",
}
TEAM_MEMBER = "alix.morel@example.org"


@pytest.fixture
def signature(app):
    """Return a signature with rows in every table that refers to it."""
    petition = make_petition()
    signature = make_signature(petition, profession="Juge", listed=True, updates=True, state="confirmed")
    mailing = make_mailing(petition)
    delivery = db.session.query(Delivery).one()
    delivery.state, delivery.settled_at, delivery.claim_token = "sent", clock.now(), uuid.uuid4()
    delivery.claimed_by = "secret-host"
    news = Delivery(
        kind="mailing", queue="mailings", petition_id=petition.id, subject_id=signature.id, generation=mailing.id,
        mailing_id=mailing.id, state="sent",
    )  # fmt: skip
    db.session.add(news)
    db.session.flush()
    db.session.add_all(
        [
            Attempt(delivery_id=delivery.id, worker="secret-host", ended_at=clock.now(), state="sent", smtp_code=250,
                    response="queued as 4F1"),
            Bounce(kind="soft", status="4.2.2", response="mailbox full", source="mailbox", digest="1", raw=b"whole",
                   delivery_id=delivery.id, address_hash=hash_address(signature.email)[0]),
            Unsubscription(mailing_id=mailing.id, delivery_id=news.id, choice="these"),
            SignRequest(petition_id=petition.id, party="person", name="Zoé Durand", email=signature.email,
                        email_canonical=signature.email_canonical, locale="fr", listed=False, updates=False,
                        source="page", retry_at=clock.now() + timedelta(hours=1)),
            NameReport(signature_id=signature.id, reason="offensive", reports=2),
            AddressChange(signature_id=signature.id, email="zoe@example.net", email_canonical="zoe@example.net",
                          generation=2),
        ]
    )  # fmt: skip
    suppress(signature.email, "bounced: 5.1.1 no such user")
    journal.record(Act.UNSUBSCRIBED, signature.id, signature.email_canonical)
    perform_action("correct", signature, {"name": "Zoé Martin", "profession": "Magistrate"}, TEAM_MEMBER)
    audit.record("signature.viewed", "signature", signature.id, actor=TEAM_MEMBER)
    bulk = BulkAction(subject="signatures", verb="reinstate", filter={"name": "others"}, asked_by=TEAM_MEMBER,
                      reason="they are genuine", state="done")  # fmt: skip
    db.session.add(bulk)
    db.session.flush()
    db.session.add(BulkActionRow(action_id=bulk.id, subject_id=signature.id, state="confirmed", done_at=clock.now()))
    # Somebody else's, whose rows must not appear.
    other = make_signature(petition, email="other@example.org", name="Somebody Else", state="confirmed")
    perform_action("invalidate", other, {"reason": "another reason"}, TEAM_MEMBER)
    db.session.commit()
    return signature


def test_every_table_that_refers_to_a_signer_is_in_the_copy_or_says_why_not(app):
    referring = {table.name for table in db.metadata.sorted_tables if any(name in table.columns for name in REFERENCES)}
    assert referring == IN_THE_COPY | set(NOT_IN_THE_COPY), (
        "a new table: add it to signatures/personal/data_copy.py and above, or say why it is not about a signer"
    )


def test_the_copy_has_the_rows_of_every_table(client, signature):
    data = client.get(f"{personal_path(signature)}/data?lang=en").json
    columns = {column.key for column in Signature.__table__.columns}
    assert columns - QUARANTINE_COLUMNS <= set(data), "signatures: all columns"
    assert columns <= set(collect_data(signature)), "the copy that the team hands out"
    assert (data["petition"], data["name"], data["profession"]) == ("jardin", "Zoé Martin", "Magistrate")
    wording = db.session.query(ConsentWording).one()
    assert (data["consent"]["text"], data["consent"]["language"]) == (wording.text, "fr")
    assert data["consent"]["agreed_at"] == data["updates_at"]
    assert data["waiting_requests"][0]["name"] == "Zoé Durand"
    link, news = data["emails"]
    assert (link["label"], link["state_label"], news["label"]) == ("link to confirm", "sent", "news of the campaign")
    assert link["attempts"][0]["response"] == "queued as 4F1"
    assert data["address"]["suppressed"]["reason"] == "bounced: 5.1.1 no such user"
    assert data["address"]["reports"][0]["response"] == "mailbox full"
    assert data["mailings"][0]["subject"].startswith("Nous avançons")
    assert data["mailings"][0]["unsubscription"]["choice"] == "these"
    assert data["address_change"]["email"] == "zoe@example.net"
    assert [(report["reason"], report["reports"]) for report in data["name_reports"]] == [("offensive", 2)]
    assert [(entry["act"], entry["label"]) for entry in data["journal"]] == [
        ("unsubscribed", "unsubscribed from the news")
    ]
    assert {action["label"] for action in data["team_actions"]} == {
        "A member of the team corrected: Profession or role.",
        "A member of the team looked at it.",
        f"A member of the team reinstated it with others (action {data['team_actions'][-1]['action_id']}).",
    }


def test_the_page_says_all_of_it_in_words(client, signature):
    page = client.get(f"{personal_path(signature)}/data.html?lang=en").text
    for words in (
        "For a garden", "Zoé Martin", "zoe@example.org", "Magistrate", "confirmed", "nouvelles de cette campagne",
        "not processed yet", "link to confirm – sent", "queued as 4F1", "news of the campaign", "Nous avançons",
        "You unsubscribed by the email", "Blocked since", "no such user", "mailbox full", "a temporary failure",
        "A member of the team corrected: Profession or role.", "they are genuine", "A member of the team looked at it.",
        "The name insults or threatens: 2", "Kept beside the backups", "unsubscribed from the news",
        "The name insults or threatens: 2", "zoe@example.net", "It is not confirmed yet",
    ):  # fmt: skip
        assert words in page, words
    french = client.get(f"{personal_path(signature)}/data.html?lang=fr").text
    assert "Un membre de l’équipe" in french
    assert "&lt;time" not in page


def test_every_column_of_a_signature_is_on_the_page():
    shown_apart = {
        "party", "state", "locale", "listed", "updates", "updates_at", "source", "created_at", "requested_at",
        "passed_on", "passed_on_at",
        "reminded_at", "confirmed_at", "ended_at",
    }  # fmt: skip
    columns = {column.key for column in Signature.__table__.columns}
    assert columns - QUARANTINE_COLUMNS == {*TYPED_FIELDS, *TECHNICAL_FIELDS} | shown_apart


def test_the_copy_names_nobody_else_and_no_host(client, signature):
    for path in ("data", "data.html"):
        answer = client.get(f"{personal_path(signature)}/{path}")
        assert answer.headers["Cache-Control"] == "no-store"
        for secret in (TEAM_MEMBER, "Somebody Else", "other@example.org", "another reason", "secret-host", "whole"):
            assert secret not in answer.text, secret
    tables = db.metadata.tables
    for name, hidden in HIDDEN_COLUMNS.items():
        assert set(hidden) <= set(tables[name].columns.keys()), name


def test_nothing_is_shown_without_the_link(client, signature):
    for path in ("data", "data.html"):
        assert client.get(f"/me/BQE.awPI8g.HwpwcdSdoZdAQjkZlZ5myw/{path}").status_code == 404
    signature.state = "disowned"
    db.session.commit()
    for path in ("data", "data.html"):
        assert client.get(f"{personal_path(signature)}/{path}").status_code == 410


def test_a_new_signature_has_a_copy_without_gaps(client):
    signature = make_signature(make_petition())
    data = collect_data(signature)
    assert (data["consent"], data["address"], data["team_actions"]) == (None, {"suppressed": None, "reports": []}, [])
    page = client.get(f"{personal_path(signature)}/data.html?lang=en").text
    for words in ("You have not asked for news.", "It is not blocked.", "Nothing.", "waits to be sent"):
        assert words in page, words
