"""The overview of a campaign, and the ways between a campaign, its signatures, mailings and figures."""

import re
from zoneinfo import ZoneInfo

import pytest
from support.factories import make_mailing, make_petition, make_signature, sign_in

from petition.core import clock
from petition.core.db import db
from petition.desk.tasks import count_opt_ins
from petition.petitions.models import PetitionText
from petition.signatures.confirm import confirm_signature
from petition.team import audit


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def test_a_campaign_opens_its_overview(client):
    make_petition()
    page = client.get("/desk/petitions?lang=en").text
    link = re.search(r'<th scope="row"><a href="([^"]+)"', page)[1]
    overview = client.get(f"{link}?lang=en")
    assert overview.status_code == 200
    assert '<form class="petition"' not in overview.text
    assert "At a glance" in overview.text


def test_titles_are_in_the_reader_s_language_where_a_petition_has_it(client):
    petition = make_petition()
    petition.texts["en"] = PetitionText(language="en", title="A garden", summary="", body="", addressee="")
    db.session.commit()
    for path in ("/desk/", "/desk/petitions", "/desk/petitions/jardin", "/desk/petitions/jardin/state/close"):
        assert "A garden" in client.get(f"{path}?lang=en").text, path
    make_signature(petition)
    for path in ("/desk/petitions/jardin", "/desk/signatures/"):
        assert ">A garden</bdi>" in client.get(f"{path}?lang=en").text, path
    assert petition.texts["fr"].title in client.get("/desk/petitions/jardin?lang=fr").text
    petition.texts["en"].title = ""
    db.session.commit()
    assert petition.texts["fr"].title in client.get("/desk/petitions/jardin?lang=en").text, "a draft may lack it"


def test_every_page_of_a_campaign_leads_to_the_others(client):
    petition = make_petition()
    make_mailing(petition)
    paths = [
        "/desk/petitions/jardin", "/desk/petitions/jardin/edit", "/desk/signatures/petition/jardin",
        "/desk/petitions/jardin/organisations", "/desk/petitions/jardin/paper", "/desk/petitions/jardin/campaign",
        f"/desk/mailings/?petition={petition.id}",
    ]  # fmt: skip
    for path in paths:
        page = client.get(path).text
        for other in paths:
            assert f'href="{other}"' in page, (path, other)


def test_mailings_and_signatures_lead_back_to_their_campaign(client):
    petition = make_petition()
    mailing, signature = make_mailing(petition), make_signature(petition)
    assert 'href="/desk/petitions/jardin"' in client.get(f"/desk/mailings/{mailing.id}").text
    assert 'href="/desk/petitions/jardin"' in client.get(f"/desk/signatures/{signature.id}").text


def test_signatures_and_mailings_of_one_campaign_only(client):
    petition, other = make_petition(), make_petition(slug="autre")
    confirm_signature(make_signature(petition, name="Zoé Martin"))
    confirm_signature(make_signature(other, name="Paul Petit", email="paul@example.org"))
    db.session.commit()
    make_mailing(petition, name="To the first")
    make_mailing(other, name="To the other")
    signatures = client.get("/desk/signatures/petition/jardin").text
    assert ("Zoé Martin" in signatures, "Paul Petit" in signatures) == (True, False)
    mailings = client.get(f"/desk/mailings/?petition={petition.id}").text
    assert ("To the first" in mailings, "To the other" in mailings) == (True, False)
    export = client.get("/desk/signatures/export/?petition=jardin&lang=en").text
    assert "1 signature" in export
    assert client.get("/desk/signatures/petition/none").status_code == 404


def test_a_new_mailing_of_a_campaign_begins_with_it(client):
    make_petition(slug="premiere", sender_name="Une autre")
    petition = make_petition(sender_name="Les amis")
    make_petition(slug="derniere", sender_name="Encore une autre")
    page = client.get(f"/desk/mailings/new?petition={petition.id}").text
    assert re.search(r'name="sender_name"[^>]*value="Les amis"', page)
    assert re.search(rf'value="{petition.id}"[^>]* id="petition-{petition.id}" checked', page)


def test_times_of_a_campaign_are_in_its_zone(client):
    make_petition(timezone="Asia/Tokyo")
    assert "Times are in the time zone Asia/Tokyo." in client.get("/desk/petitions/jardin?lang=en").text


@pytest.mark.usefixtures("within_one_hour")
def test_it_shows_times_of_the_petition_s_zone_and_its_main_language_first(client):
    petition = make_petition(timezone="Asia/Tokyo")
    petition.texts["es"] = PetitionText(language="es", title="Un jardín", summary="s", addressee="a", body="b")
    confirm_signature(make_signature(petition, updates=True))
    db.session.commit()
    count_opt_ins()
    page = client.get("/desk/petitions/jardin?lang=en").text
    counted = re.search(r"counted on ([^<]+)<", page)[1]
    assert f"{clock.now().astimezone(ZoneInfo('Asia/Tokyo')):%H}" in counted
    assert "Français, English, Español" in page
    assert "Français, English, Español" in client.get("/desk/petitions?lang=en").text


def test_the_latest_changes_name_fields_as_the_form_does(client):
    make_petition()
    audit.record("petition.changed", "petition", "jardin", after={"fr.body": "x", "sender_name": "y", "gone": "z"})
    db.session.commit()
    page = client.get("/desk/petitions/jardin?lang=en").text
    assert set(re.search(r"changed “jardin”: ([^<]+)\.<", page)[1].split("; ")) == {
        "Text, in Français", "Published by", "gone",
    }  # fmt: skip
    assert "when you open it" not in page, "it is open"


def test_a_partner_s_changes_name_it(client):
    make_petition()
    audit.record("petition.partner_joined", "petition", "jardin", actor="Alix", after={"partner": "choir"})
    db.session.commit()
    assert "Alix made “choir” a partner of “jardin”." in client.get("/desk/petitions/jardin?lang=en").text


@pytest.mark.parametrize("path", ["images", "data-kept", "paper", "documents"])
def test_pages_of_a_campaign_are_in_its_time_zone(client, path):
    make_petition(timezone="Asia/Tokyo")
    page = client.get(f"/desk/petitions/jardin/{path}?lang=en").text
    assert "Times are in the time zone Asia/Tokyo." in page
