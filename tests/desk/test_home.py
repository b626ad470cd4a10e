"""The home of each role, and the team's error pages."""

import re

import pytest
from support.factories import make_account, make_mailing, make_petition, make_signature, post_form, sign_in

from petition.core.db import db
from petition.desk.tasks import count_opt_ins
from petition.petitions.counters import increment
from petition.signatures.confirm import confirm_signature
from petition.team import audit

HOME = "/desk/?lang=en"


@pytest.mark.parametrize("role", ["sender", "operator", "campaigner", "admin"])
def test_every_role_has_a_home(client, role):
    make_mailing(make_petition())
    sign_in(client, role, name="Alix")
    page = client.get(HOME)
    assert page.status_code == 200
    assert "Hello, Alix" in page.text
    assert ("First news" in page.text) == (role != "operator")
    assert ("Mail queue" in page.text) == (role in ("operator", "admin"))
    assert ("New petition" in page.text) == (role in ("campaigner", "admin"))
    assert re.search(r'aria-current="page">Home', page.text)


def test_account_without_a_role_is_told_so_little(client):
    make_mailing(make_petition())
    sign_in(client)
    page = client.get(HOME)
    assert page.status_code == 200
    assert "First news" not in page.text
    assert "Pour un jardin" not in page.text


def test_what_needs_doing_is_listed(client):
    petition = make_petition()
    make_petition(slug="brouillon", state="draft")
    make_mailing(petition)
    confirm_signature(make_signature(petition, party="organisation", organisation="La Ligue", listed=True))
    db.session.commit()
    sign_in(client, "campaigner")
    page = client.get(HOME).text
    assert "1 name waits for your review" in page
    assert "Test emails are missing." in page
    assert 'href="/desk/petitions/brouillon"' in page
    assert "Set up two-factor authentication" in page


def test_totals_add_paper_up_and_say_what_is_new(client):
    petition = make_petition()
    confirm_signature(make_signature(petition, updates=True))
    confirm_signature(make_signature(petition, email="b@example.org"))
    increment(petition.id, 1, "paper", 10)
    db.session.commit()
    count_opt_ins()
    sign_in(client, "campaigner")
    page = client.get(HOME).text
    assert "2 online, 10 on paper" in page
    assert re.search(r"<dd>12<", page)
    assert re.search(r"New since yesterday</dt><dd>2<", page)
    assert re.search(r"Agreed to news</dt><dd>1<", page)
    assert "<strong>12</strong>" in client.get("/desk/petitions?lang=en").text


def test_opt_ins_are_counted_again_and_fall_to_zero(client):
    signature = make_signature(make_petition(), updates=True)
    confirm_signature(signature)
    db.session.commit()
    count_opt_ins()
    signature.updates = False
    db.session.commit()
    count_opt_ins()
    sign_in(client, "campaigner")
    assert re.search(r"Agreed to news</dt><dd>0<", client.get(HOME).text)


def test_activity_is_in_sentences_and_ones_own_without_the_audit_trail(client):
    other = make_account(email="claude@example.org", role_names=["sender"])
    with client.application.test_request_context():
        audit.record("invited", "account", other.id, actor="alix@example.org")
        db.session.commit()
    sign_in(client, "campaigner")
    assert "claude@example.org" not in client.get(HOME).text
    sign_in(client, "operator")
    assert "alix@example.org invited claude@example.org to the team." in client.get(HOME).text


def test_organisation_stands_in_the_bar(client, monkeypatch):
    monkeypatch.setitem(client.application.config, "PETITION_ORGANISATION", "Les amis du jardin")
    sign_in(client, "campaigner")
    assert "Les amis du jardin" in client.get(HOME).text


@pytest.mark.parametrize("path", ["/ops/", "/account/people", "/account/audit"])
def test_forbidden_page_is_in_the_look_of_the_team_and_leads_home(client, path):
    sign_in(client, "campaigner")
    page = client.get(f"{path}?lang=en")
    assert page.status_code == 403
    assert "You have: Campaigner." in page.text
    assert 'href="/desk/"' in page.text
    assert "team.css" in page.text


def test_missing_page_of_the_desk_is_in_the_look_of_the_team(client):
    sign_in(client, "campaigner")
    assert "team.css" in client.get("/desk/petitions/none").text
    assert "team.css" not in client.get("/p/none").text


def test_signing_in_leads_home(client):
    sign_in(client, "campaigner")
    assert client.get("/account/sign-in").headers["Location"] == "/desk/"
    assert post_form(client, "/account/sign-out").status_code == 302


def test_sections_that_are_opened_now_and_then_are_in_a_menu_unless_something_waits_there(client, monkeypatch):
    account = sign_in(client, "admin", "campaigner", "operator", language="en")
    bar = client.get("/desk/?lang=en").text.partition("</nav>")[0]
    shown, menu = bar.split('<details class="more">')
    assert (">Campaigns<" in shown, "/desk/data-kept" in shown, "/desk/data-kept" in menu) == (True, False, True)
    assert client.get("/account/audit?lang=en").text.count("Other pages") == 0, "the menu names the page that is open"
    with monkeypatch.context() as patched:
        patched.setattr(
            "petition.team.template_context.navigation_count", lambda name: "3" * (name == "data_kept.index")
        )
        assert "/desk/data-kept" in client.get("/desk/?lang=en").text.partition('<details class="more">')[0]
    account.role_names = ["campaigner"]
    db.session.commit()
    bar = client.get("/desk/?lang=en").text.partition("</nav>")[0]
    assert ("/desk/data-kept" in bar, "<details" in bar) == (True, False), "a row holds what a campaigner has"
