"""Names that are withheld until enough have signed."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.factories import make_petition, make_signature
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.worker import run_queue
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.confirmation_codes.code_handles import make_handle
from petition.signatures.confirmation_codes.codes import UnreadDetails, confirm_by_code, make_code
from petition.signatures.links import make_confirm_token, personal_path
from petition.signatures.listing.public_list import list_signatories
from petition.signatures.listing.withheld import MIN_GROUP, list_waiting
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import update_details, withdraw
from petition.signatures.retention import erase_disowned
from petition.signatures.search.filters import parse_filter
from petition.signatures.search.search import search
from petition.signatures.staff.restriction import restrict
from petition.signatures.tasks import run_release_names
from petition.signatures.validation import validate_details

FORM = {"name": "Ada Vernet", "email": "ada@example.org"}


def make_offering(**overrides):
    return make_petition(**{"named_total": 3, "named_profession": 2, **overrides})


def sign(petition, name, **overrides):
    values = {"name": name, "email": f"{name.split()[0].lower()}@example.org", **overrides}
    signature = make_signature(petition, **values)
    confirm_signature(signature)
    db.session.commit()
    return signature


def names_in_list(petition):
    return {one.name for one in list_signatories(petition).items}


def test_a_name_is_kept_out_of_its_column_until_enough_have_signed(app):
    petition = make_offering()
    waiting = sign(petition, "Ada Vernet", named_when="total")
    assert (waiting.name, waiting.withheld_name, waiting.listed) == ("", "Ada Vernet", False)
    assert (waiting.named_when, waiting.named_from, waiting.named_at) == ("total", 3, None)
    sign(petition, "Bea Roux", listed="on")
    run_release_names()
    assert names_in_list(petition) == {"Bea Roux"}
    sign(petition, "Cleo Petit")
    run_release_names()
    assert names_in_list(petition) == {"Ada Vernet", "Bea Roux"}
    db.session.refresh(waiting)
    assert waiting.named_at is not None
    assert waiting.withheld_name is None


def test_a_profession_is_counted_with_all_that_means_the_same(app):
    petition = make_offering(named_total=None)
    petition.texts["fr"].professions = ["Avocate / avocat", "Juge"]
    petition.texts["en"].professions = ["Lawyer", "Judge"]
    db.session.commit()
    sign(petition, "Ada Vernet", named_when="profession", profession="avocate")
    sign(petition, "Bea Roux", named_when="profession", profession="Juge")
    sign(petition, "Cleo Petit", profession="Greffier")
    run_release_names()
    assert names_in_list(petition) == set()
    sign(petition, "Dora Blanc", profession="LAWYER")
    run_release_names()
    assert names_in_list(petition) == {"Ada Vernet"}
    sign(petition, "Elsa Noir", profession="jugé")  # no accent counts
    run_release_names()
    assert names_in_list(petition) == {"Ada Vernet", "Bea Roux"}


@pytest.mark.parametrize(
    "change",
    [
        "named_at = now()",
        "named_at = now(), named_from = 1, named_when = 'never'",
        "name = withheld_name",
        "listed = true",
        "named_when = NULL",
        "withheld_name = NULL, named_at = now(), name = 'Ada Vernet', listed = true",
    ],
)
def test_the_database_refuses_a_name_before_its_condition(app, change):
    waiting = sign(make_offering(), "Ada Vernet", named_when="total")
    with pytest.raises(IntegrityError):
        db.session.execute(text(f"UPDATE signatures SET {change} WHERE id = {waiting.id}"))
    db.session.rollback()


def test_what_was_promised_stays_when_the_petition_changes(app):
    petition = make_offering()
    sign(petition, "Ada Vernet", named_when="total")
    petition.named_total, petition.team_sees_withheld = 1, True
    db.session.commit()
    run_release_names()
    assert names_in_list(petition) == set()
    assert sign(petition, "Bea Roux", named_when="total").team_sees_name
    run_release_names()
    assert names_in_list(petition) == {"Bea Roux"}


def test_a_name_that_was_shown_stays_when_the_count_falls(app):
    petition = make_offering(named_total=2)
    sign(petition, "Ada Vernet", named_when="total")
    other = sign(petition, "Bea Roux")
    run_release_names()
    withdraw(other)
    db.session.commit()
    run_release_names()
    assert names_in_list(petition) == {"Ada Vernet"}


def test_organisations_and_paper_do_not_count(app):
    petition = make_offering(named_total=2)
    sign(petition, "Ada Vernet", named_when="total")
    sign(petition, "Bea Roux", party="organisation", organisation="Barreau")
    db.session.execute(text("UPDATE petition_counts SET paper = 100"))
    db.session.commit()
    run_release_names()
    assert names_in_list(petition) == set()


def test_signers_change_their_mind_until_they_are_named(app):
    petition = make_offering()
    waiting = sign(petition, "Ada Vernet", named_when="total", profession="Juge")
    update_details(waiting, {"name": "Ada Verne", "named_when": "profession"})
    db.session.commit()
    assert (waiting.name, waiting.withheld_name, waiting.named_from) == ("", "Ada Verne", 2)
    with pytest.raises(ValidationError) as error:
        update_details(waiting, {"profession": ""})
    assert list(error.value.errors) == ["profession"]
    update_details(waiting, {"named_when": "never"})
    db.session.commit()
    sign(petition, "Bea Roux", profession="Juge")
    sign(petition, "Cleo Petit")
    run_release_names()
    assert names_in_list(petition) == set()
    update_details(waiting, {"named_when": "now"})
    db.session.commit()
    assert names_in_list(petition) == {"Ada Verne"}
    assert (waiting.named_when, waiting.withheld_name) == (None, None)


def test_the_choice_is_kept_by_a_form_that_does_not_speak_of_it(app):
    petition = make_offering()
    waiting = sign(petition, "Ada Vernet", named_when="total")
    petition.named_total = None
    db.session.commit()
    update_details(waiting, {"listed": "on", "city": "Dijon"})
    db.session.commit()
    assert (waiting.named_when, waiting.named_from, waiting.listed, waiting.city) == ("total", 3, False, "Dijon")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"named_when": "soon"}, "named_when"),
        ({"named_when": ["total"]}, "named_when"),
        ({"named_when": "profession"}, "profession"),
        ({"named_when": "total", "party": "organisation", "organisation": "Barreau"}, "named_when"),
    ],
)
def test_a_choice_that_is_not_possible_gets_a_message(app, form, field):
    with pytest.raises(ValidationError) as error:
        validate_details(make_offering(), {**FORM, **form})
    assert list(error.value.errors) == [field]


@pytest.mark.parametrize("petition", [{"named_total": None}, {"listing": "none"}])
def test_what_is_not_offered_cannot_be_chosen(app, petition):
    with pytest.raises(ValidationError):
        validate_details(make_offering(**petition), {**FORM, "named_when": "total"})


def test_somebody_who_signs_again_chooses_again(app):
    petition = make_offering()
    first = make_signature(petition, named_when="total")
    assert (first.name, first.withheld_name) == ("", "Zoé Martin")
    make_signature(petition, listed="on")
    db.session.refresh(first)
    assert (first.name, first.withheld_name, first.named_when, first.listed) == ("Zoé Martin", None, None, True)
    make_signature(petition, named_when="total")
    db.session.refresh(first)
    assert (first.name, first.withheld_name, first.named_when, first.listed) == ("", "Zoé Martin", "total", False)


def test_use_that_is_restricted_names_nobody(app):
    petition = make_offering(named_total=1)
    restrict(sign(petition, "Ada Vernet", named_when="total"))
    db.session.commit()
    run_release_names()
    assert names_in_list(petition) == set()


def test_a_small_group_of_a_profession_is_not_told(app):
    petition = make_offering(named_total=100, named_profession=50)
    for number in range(MIN_GROUP):
        sign(
            petition,
            f"Ada{'abcdefgh'[number]} Vernet",
            named_when="profession",
            profession=["Juge", "juge"][number % 2],
        )
    sign(petition, "Bea Roux", named_when="profession", profession="Greffière")
    sign(petition, "Cleo Petit", named_when="total")
    run_release_names()
    waiting = [(group.waiting, group.when, group.needed, group.profession) for group in list_waiting(petition)]
    assert waiting == [(1, "total", 100, None), (MIN_GROUP, "profession", 50, "Juge"), (1, "profession", None, None)]


def test_nobody_waits_any_more_once_they_are_named(app):
    petition = make_offering(named_total=2)
    sign(petition, "Ada Vernet", named_when="total")
    run_release_names()
    assert [group.waiting for group in list_waiting(petition)] == [1]
    sign(petition, "Bea Roux")
    run_release_names()
    assert list_waiting(petition) == []


def test_the_form_offers_the_choice_and_says_what_it_means(client):
    make_offering(named_total=12)
    page = client.get("/p/jardin?lang=en").text
    assert "Show my name once 12 people have signed" in page
    assert "the campaign team does not see it either" in page
    answer = client.post("/p/jardin/sign?lang=en", data={**FORM, "named_when": "profession"})
    assert answer.status_code == 422
    assert "your name waits for others who share it" in answer.text
    assert 'value="profession" checked' in answer.text, "nothing chosen is lost"
    assert client.post("/p/jardin/sign?lang=en", data={**FORM, "named_when": "total"}).status_code == 303
    process_requests()
    waiting = db.session.query(Signature).one()
    page = client.get(f"/c/{make_confirm_token(waiting)}?lang=en").text
    assert "Ada Vernet" in page
    assert "Your name will be shown once 12 people have signed." in page


def test_the_form_of_a_petition_without_the_choice_has_its_box(client):
    make_petition()
    page = client.get("/p/jardin?lang=en").text
    assert 'name="listed"' in page
    assert "named_when" not in page


def test_a_total_that_is_reached_is_no_longer_offered(client):
    petition = make_offering(named_total=1, named_profession=None)
    sign(petition, "Ada Vernet")
    assert 'value="total"' not in client.get("/p/jardin?lang=en").text


def test_programs_choose_too(client):
    make_offering(named_total=12)
    assert client.get("/api/v1/petitions/jardin").json["named_total"] == 12
    path = "/api/v1/petitions/jardin/signatures"
    assert client.post(path, json={**FORM, "named_when": "total"}).status_code == 202
    assert list(client.post(path, json={**FORM, "named_when": "soon"}).json["errors"]) == ["named_when"]
    process_requests()
    assert db.session.query(Signature).one().withheld_name == "Ada Vernet"


def test_the_personal_page_says_what_was_promised_and_changes_it(client):
    petition = make_offering(named_total=12, team_sees_withheld=True)
    path = personal_path(sign(petition, "Ada Vernet", named_when="total"))
    page = client.get(f"{path}?lang=en").text
    assert "Your name will be shown once 12 people have signed." in page
    assert "Only the campaign team sees it." in page
    assert 'value="total" checked' in page
    assert client.post(f"{path}/display", data={"named_when": "never"}).status_code == 303
    assert "Your name is shown to nobody." in client.get(f"{path}?lang=en").text
    assert '"withheld_name": "Ada Vernet"' in client.get(f"{path}/data").text
    assert "Ada Vernet" in client.get(f"{path}/data.html?lang=en").text


def test_a_petition_that_closes_before_enough_signed_never_names_them(client, sent_emails):
    petition = make_offering(named_total=12)
    waiting = sign(petition, "Ada Vernet", named_when="total")
    run_queue("confirmations")
    run_release_names()
    petition.state, petition.closed_at = "closed", clock.now() - timedelta(hours=1)
    db.session.commit()
    assert "1 person signed who wanted to be named only with enough others." in client.get("/p/jardin?lang=en").text
    run_release_names()
    db.session.refresh(waiting)
    assert waiting.named_when == "total", "who signed before may still confirm"
    petition.closed_at = clock.now() - timedelta(days=2)
    db.session.commit()
    run_release_names()
    run_release_names()
    run_queue("notifications")
    (message,) = sent_emails
    assert message.to == "ada@example.org"
    assert "votre nom n’est montré à personne" in " ".join(message.body.split())
    link = re.search(r"/me/[\w.-]+", message.body)[0]
    page = client.get(f"{link}?lang=en").text
    assert "Your name is shown to nobody." in page
    assert 'value="total"' not in page, "nobody can sign any more"
    assert names_in_list(petition) == set()
    assert client.post(f"{link}/display", data={"named_when": "now"}).status_code == 303
    assert names_in_list(petition) == {"Ada Vernet"}


def test_erased_details_have_no_name_left(app):
    petition = make_offering()
    waiting = sign(petition, "Ada Vernet", named_when="total")
    disown(waiting)
    db.session.commit()
    db.session.execute(text("UPDATE signatures SET ended_at = ended_at - interval '1 year'"))
    db.session.commit()
    erase_disowned()
    db.session.commit()
    db.session.refresh(waiting)
    assert (waiting.name, waiting.withheld_name) == ("", None)


def test_the_team_finds_nobody_who_waits_by_what_they_wrote(app):
    petition = make_offering()
    waiting = sign(petition, "Ada Vernet", named_when="total", profession="Juge", city="Nîmes", network="n")
    same = sign(petition, "Bea Roux", profession="Juge", city="Nîmes", network="n")
    for criteria in (
        {"name": "ada"}, {"email": "ada@example.org"}, {"email": "ad"}, {"network": f"#{waiting.id}"},
    ):  # fmt: skip
        assert search(parse_filter(criteria)).items == [], criteria
    for criteria in (
        {"profession": "juge"}, {"city": "nimes"}, {"domain": "example.org"}, {"network": f"#{same.id}"},
    ):  # fmt: skip
        assert search(parse_filter(criteria)).items == [same], criteria
    assert search(parse_filter({"petition": "jardin", "state": "confirmed"})).items == [same, waiting]


def test_somebody_who_waits_confirms_by_the_code_of_what_they_read(app):
    petition = make_offering()
    waiting = make_signature(petition, **FORM, named_when="total")
    details = validate_details(petition, {**FORM, "named_when": "total", "locale": "fr"})
    now = validate_details(petition, {**FORM, "named_when": "now", "locale": "fr"})
    with pytest.raises(UnreadDetails):
        confirm_by_code(make_handle(petition.id, now), make_code(waiting), [])
    confirm_by_code(make_handle(petition.id, details), make_code(waiting), [])
    db.session.refresh(waiting)
    assert (waiting.state, waiting.name) == ("confirmed", "")
