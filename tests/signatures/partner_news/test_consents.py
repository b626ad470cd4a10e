"""Boxes for partners' news: separate, unticked, each with its wording as proof; and what begins and ends a consent."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from support.factories import confirm_by_link, make_form, make_petition
from support.partners import end_partnership, make_news_signature, make_partner, make_partnership, submit
from support.retention import Backup, Clock, anonymise_all, close_long_ago
from support.signing import process_requests

from petition.backups.journal import Entry
from petition.backups.models import JournalEntry
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.petitions.partners import editing
from petition.signatures.confirm import disown, take_back
from petition.signatures.journal_replay import replay_entries
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.models import ConsentWording, Signature
from petition.signatures.partner_news.consents import get_agreed, list_boxes
from petition.signatures.partner_news.models import PartnerConsent
from petition.signatures.personal.data_copy import collect_data
from petition.signatures.personal.self_service import stop_all_news
from petition.signatures.request_models import SignRequest
from petition.signatures.sign import sign
from petition.signatures.staff.history import list_events
from petition.signatures.validation import validate_details


@pytest.fixture
def partnerships(app):
    """Return the partnerships of a petition, by key."""
    petition = make_petition()
    return {key: make_partnership(petition, make_partner(key)) for key in ("greens", "choir")}


@pytest.fixture
def petition(partnerships):
    return partnerships["greens"].petition


def agreed(signature, partnerships):
    """Return the keys of the partners whose news a signature agreed to."""
    found = get_agreed(signature.id)
    return {key for key, row in partnerships.items() if row.id in found}


def test_petition_without_partners_has_no_box_and_records_nothing(client):
    petition = make_petition(slug="seule")
    assert "news_" not in client.get("/p/seule").text
    assert list_boxes(petition) == []
    submit(petition, news=["greens"])
    assert db.session.scalars(select(PartnerConsent)).all() == []


def test_request_without_partners_is_recorded_without_consents(app):
    petition = make_petition()
    assert validate_details(petition, {"name": "Zoé", "email": "zoe@example.org"}).partners is None


def test_each_partner_has_a_box_of_its_own_which_is_not_ticked(client, petition):
    page = client.get("/p/jardin?lang=en").text
    for key, name in (("greens", "Les Verts du quartier"), ("choir", "La chorale")):
        box = re.search(rf'<input id="field-news_{key}"[^>]*>', page)[0]
        assert "checked" not in box
        assert f"Send me news by email from {name}. Every message has a link to stop them." in page
        assert re.search(rf'name="wording_{key}" value="[0-9a-f]{{16}}"', page)


def test_each_consent_has_its_own_wording_as_proof(petition, partnerships):
    editing.set_wording(petition, partnerships["choir"], {"fr": "Oui aux concerts de La chorale."})
    db.session.commit()
    signature = submit(petition, news=["greens", "choir"])
    rows = db.session.execute(
        select(PartnerConsent, ConsentWording).join(ConsentWording, ConsentWording.id == PartnerConsent.wording_id)
    ).all()
    texts = {row.PartnerConsent.partnership_id: row.ConsentWording.text for row in rows}
    assert texts[partnerships["choir"].id].startswith("Oui aux concerts de La chorale.")
    assert "Les Verts du quartier" in texts[partnerships["greens"].id]
    assert not signature.updates
    assert all(row.PartnerConsent.agreed_at == signature.requested_at for row in rows)


@pytest.mark.parametrize("news", [(), ("greens",), ("choir",), ("greens", "choir")])
def test_only_what_was_ticked_is_agreed_to(petition, partnerships, news):
    assert agreed(submit(petition, news=news), partnerships) == set(news)


def test_api_takes_the_partners_by_their_words(client, petition, partnerships):
    body = {"name": "Zoé Martin", "email": "zoe@example.org", "news": ["choir", "nobody"]}
    assert client.post("/api/v1/petitions/jardin/signatures", json=body).status_code == 202
    process_requests()
    assert agreed(db.session.scalars(select(Signature)).one(), partnerships) == {"choir"}
    assert client.post("/api/v1/petitions/jardin/signatures", json=body | {"news": "choir"}).status_code == 422


def test_team_s_box_agrees_to_no_partner(petition, partnerships):
    signature = submit(petition, updates="on")
    assert signature.updates
    assert agreed(signature, partnerships) == set()


def test_words_that_changed_meanwhile_must_be_read_again(client, petition, partnerships):
    form = {"name": "Zoé", "email": "zoe@example.org", "locale": "fr", "news_greens": "on", "wording_greens": "0" * 16}
    answer = client.post("/p/jardin/sign", data=form)
    assert answer.status_code == 422
    assert 'href="#field-news_greens"' in answer.text
    assert re.search(r'<input id="field-news_greens"[^>]* checked', answer.text)
    with pytest.raises(ValidationError) as error:
        validate_details(petition, form)
    assert set(error.value.errors) == {"news_greens"}


def test_confirmation_page_says_whose_news_it_is(client, petition, partnerships):
    signature = submit(petition, news=["choir"], locale="en")
    page = client.get(f"/c/{make_confirm_token(signature)}").text
    assert "You will receive news by email from La chorale." in page
    assert "You will not receive news by email from Les amis du jardin." in page
    assert "Les Verts" not in page
    confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    db.session.expire_all()
    assert db.session.get_one(Signature, signature.id).state == "confirmed"


def age_emails(_signature=None):
    """Let a minute have passed since the last email to a signature."""
    db.session.execute(db.text("UPDATE deliveries SET state = 'sent', created_at = created_at - interval '2 minutes'"))
    db.session.commit()


def test_later_form_replaces_what_was_asked_for(petition, partnerships):
    signature = submit(petition, news=["greens"])
    age_emails()
    earlier = signature.valid_from
    signature = submit(petition, news=["choir"])
    assert agreed(signature, partnerships) == {"choir"}
    assert signature.valid_from > earlier  # whoever confirms has read it


def test_form_without_a_new_link_adds_nothing(petition, partnerships):
    """Whoever holds the link that was sent has not seen what a stranger asks for with the address."""
    submit(petition, news=["greens"])
    db.session.execute(db.text("UPDATE deliveries SET state = 'sent'"))  # less than a minute ago: none follows
    db.session.commit()
    assert agreed(submit(petition, news=["greens", "choir"]), partnerships) == {"greens"}
    assert agreed(submit(petition, news=[]), partnerships) == set()


def test_another_spelling_of_the_address_changes_nothing(petition, partnerships):
    signature = submit(petition, news=["greens"])
    signature.email = "zoé+petitions@example.org"  # as it was first typed
    age_emails()
    assert agreed(submit(petition, news=["choir"]), partnerships) == {"greens"}


def test_confirmed_signature_is_not_changed_by_a_form(petition, partnerships):
    make_news_signature(petition, news=["greens"])
    age_emails()
    assert agreed(submit(petition, news=["choir"]), partnerships) == {"greens"}


@pytest.mark.parametrize("end", [disown, stop_all_news])
def test_what_ends_everything_ends_each_partner_s_news(petition, partnerships, end):
    signature = make_news_signature(petition, news=["greens", "choir"])
    end(signature)
    db.session.commit()
    assert agreed(signature, partnerships) == set()
    ended = db.session.scalars(select(PartnerConsent)).all()
    assert len(ended) == 2  # kept as proof
    assert all(row.ended_at for row in ended)
    assert db.session.scalars(select(JournalEntry)).all()
    take_back(signature)
    assert agreed(signature, partnerships) == set()


def test_signer_changes_each_choice_on_the_personal_page(client, petition, partnerships):
    signature = make_news_signature(petition, news=["greens"], updates="on")
    link = f"/me/{make_personal_token(signature)}"
    page = client.get(link).text
    assert f'action="{link}/news/greens"' in page
    assert f'action="{link}/news/choir"' in page
    assert client.get(f"{link}/news/choir").status_code == 405  # a GET changes nothing
    assert client.post(f"{link}/news/choir", data={"news": "on"}).status_code == 303
    assert agreed(signature, partnerships) == {"greens", "choir"}
    assert client.post(f"{link}/news/greens", data={"news": "off"}).status_code == 303
    assert agreed(signature, partnerships) == {"choir"}
    db.session.expire_all()
    assert db.session.get_one(Signature, signature.id).updates
    for _press in range(2):
        client.post(f"{link}/news/choir", data={"news": "on"})
    assert len(db.session.scalars(select(PartnerConsent).filter_by(ended_at=None)).all()) == 1
    assert client.post(f"{link}/news/nobody", data={"news": "on"}).status_code == 404


def test_team_reads_what_was_agreed_to_in_the_history(app, petition):
    signature = make_news_signature(petition, news=["choir"])
    stop_all_news(signature)
    db.session.commit()
    with app.test_request_context():
        events = [(event.text % event.values, event.detail) for event in list_events(signature)]
    found = dict(events)
    assert "La chorale" in found["Agreed to receive the news of La chorale, with this wording:"]
    assert "The news of La chorale ended." in found


def test_box_of_a_partner_who_left_is_gone(client, petition, partnerships):
    signature = make_news_signature(petition, news=["greens"])
    end_partnership(partnerships["greens"])
    assert "news_greens" not in client.get("/p/jardin").text
    link = f"/me/{make_personal_token(signature)}"
    assert "news/greens" not in client.get(link).text
    assert client.post(f"{link}/news/greens", data={"news": "on"}).status_code == 404


def test_copy_of_the_data_has_every_consent_with_its_words(client, petition, partnerships):
    signature = make_news_signature(petition, news=["greens", "choir"])
    client.post(f"/me/{make_personal_token(signature)}/news/choir", data={"news": "off"})
    db.session.expire_all()
    with client.application.test_request_context():
        data = collect_data(db.session.get_one(Signature, signature.id))["partner_news"]
    assert {row["partner"]: row["ended_at"] is None for row in data} == {
        "Les Verts du quartier": True,
        "La chorale": False,
    }
    assert all(row["text"] and row["agreed_at"] for row in data)
    assert "Les Verts du quartier" in client.get(f"/me/{make_personal_token(signature)}/data.html").text


def test_requests_keep_the_words_that_were_shown(petition, partnerships):
    """Between the form and the worker, the words may change: those that were read are the proof."""
    details = validate_details(petition, make_form(news_greens="on"))
    sign(petition, details, "page")
    request = db.session.scalars(select(SignRequest)).one()
    wording = db.session.get_one(ConsentWording, request.partner_consents[str(partnerships["greens"].id)])
    assert "Les Verts du quartier" in wording.text
    assert request.requested_at > datetime.now(UTC) - timedelta(minutes=5)


def test_anonymised_signature_keeps_no_consent(petition, monkeypatch):
    make_news_signature(petition, news=["greens"])
    close_long_ago(petition)
    anonymise_all(Clock(monkeypatch))
    assert db.session.scalars(select(PartnerConsent)).all() == []


def test_restored_backup_brings_no_consent_back(client, petition, partnerships):
    signature = make_news_signature(petition, news=["greens", "choir"])
    backup = Backup()
    client.post(f"/me/{make_personal_token(signature)}/news/greens", data={"news": "off"})
    rows = db.session.scalars(select(JournalEntry))
    entries = [Entry(row.id, row.act, row.subject_hash, row.address_hash, row.at) for row in rows]
    backup.restore()
    assert agreed(signature, partnerships) == {"greens", "choir"}
    replay_entries(db.session.connection(), entries)
    # The journal does not say which news: none is left, which its owner can change.
    assert agreed(signature, partnerships) == set()
