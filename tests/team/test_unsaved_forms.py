"""Nothing that is typed at the desk is lost: not with the session, not with the window."""

import re
from datetime import timedelta

import pytest
from support.factories import make_account, make_mailing, make_petition, open_session, sign_in

from petition.core import clock, tokens
from petition.core.db import db
from petition.team import unsaved_forms
from petition.team.models import TeamSession, UnsavedForm
from petition.team.tasks import run_retention

EDIT = "/desk/petitions/jardin/edit"


@pytest.fixture
def campaigner(client):
    make_petition()
    return sign_in(client, "campaigner")


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def end_sessions():
    db.session.query(TeamSession).update({"revoked_at": clock.now()})
    db.session.commit()


def kept():
    db.session.expire_all()
    return {row.form: dict(row.fields) for row in db.session.query(UnsavedForm)}


@pytest.mark.parametrize("path", ["/desk/petitions/new", EDIT])
def test_expired_session_keeps_the_form_and_returns_to_it(client, campaigner, path):
    page = client.get(path).text
    end_sessions()
    answer = client.post(path, data={"owner": hidden(page, "owner"), "fr.title": "Mon titre", "csrf_token": "old"})
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"next={path}")
    open_session(client, campaigner)
    again = client.get(f"{path}?lang=en").text
    assert re.search(r'name="fr.title"[^>]*value="Mon titre"', again)
    assert "It is not saved yet." in again


def test_expired_session_keeps_a_mailing(client):
    mailing = make_mailing(make_petition())
    account = sign_in(client, "campaigner")
    for path in ("/desk/mailings/new", f"/desk/mailings/{mailing.id}/edit"):
        page = client.get(path).text
        end_sessions()
        client.post(
            path, data={"owner": hidden(page, "owner"), "subject_fr": "Mon objet", "professions": "juge\navocat"}
        )
        open_session(client, account)
        again = client.get(path).text
        assert re.search(r'name="subject_fr"[^>]*value="Mon objet"', again)
        assert "juge\navocat" in again


def test_token_of_a_form_from_an_earlier_session_does_not_lose_it(client, campaigner):
    page = client.get(EDIT).text
    answer = client.post(EDIT, data={"owner": hidden(page, "owner"), "fr.title": "Mon titre", "csrf_token": "old"})
    assert (answer.status_code, answer.headers["Location"]) == (303, EDIT)
    assert kept()[EDIT]["fr.title"] == "Mon titre"


def test_form_keeps_itself_signed_in_or_not(client, campaigner):
    owner = hidden(client.get(EDIT).text, "owner")
    headers = {"X-Form-Owner": owner, "X-Form-Path": EDIT}
    for title in ("Un", "Deux"):
        assert client.post("/account/unsaved/", data={"fr.title": title}, headers=headers).status_code == 204
        assert kept()[EDIT]["fr.title"] == title
        end_sessions()
    assert "csrf_token" not in kept()[EDIT]


@pytest.mark.parametrize("token", ["", "x", "not.a.token"])
def test_without_the_forms_token_nothing_is_kept(client, campaigner, token):
    headers = {"X-Form-Owner": token, "X-Form-Path": EDIT}
    assert client.post("/account/unsaved/", data={"fr.title": "x"}, headers=headers).status_code == 403
    end_sessions()
    assert client.post(EDIT, data={"owner": token, "fr.title": "x"}).headers["Location"] == "/account/sign-in"
    assert kept() == {}


def test_token_of_a_disabled_account_or_another_form_keeps_nothing(client, campaigner):
    token = unsaved_forms.make_owner_token(campaigner)
    headers = {"X-Form-Owner": token, "X-Form-Path": "/desk/signatures/"}
    assert client.post("/account/unsaved/", data={"a": "b"}, headers=headers).status_code == 400
    assert unsaved_forms.find_owner(tokens.make("another purpose", campaigner.id)) is None
    campaigner.active = False
    db.session.commit()
    assert unsaved_forms.find_owner(token) is None


def test_saving_or_discarding_forgets_what_was_kept(client, campaigner):
    for end in ("save", "discard"):
        unsaved_forms.keep(campaigner, EDIT, [("fr.title", "Gardé")])
        db.session.commit()
        page = client.get(EDIT).text
        token = hidden(page, "csrf_token")
        if end == "discard":
            client.post("/account/unsaved/discard", data={"csrf_token": token, "form": EDIT})
        else:
            client.post("/desk/petitions/new", data={"csrf_token": token, "kind": "petition", "default_language": "fr",
                        "timezone": "Europe/Paris", "listing": "opt_in", "fr.title": "Nouvelle"})  # fmt: skip
            unsaved_forms.discard(campaigner, EDIT)
            db.session.commit()
        assert kept() == {}
    assert client.post("/account/unsaved/discard", data={"form": EDIT}).status_code == 400
    assert client.get("/desk/petitions/nouvelle").status_code == 200


def test_only_its_writer_sees_it_and_home_reminds(client, campaigner):
    unsaved_forms.keep(campaigner, EDIT, [("fr.title", "Secret")])
    db.session.commit()
    assert f'href="{EDIT}"' in client.get("/desk/").text
    other = make_account(email="b@example.org", role_names=["campaigner"])
    open_session(client, other)
    assert "Secret" not in client.get(EDIT).text


def test_it_is_deleted_after_two_weeks(client, campaigner):
    unsaved_forms.keep(campaigner, EDIT, [("fr.title", "Vieux")])
    db.session.query(UnsavedForm).update({"kept_at": clock.now() - unsaved_forms.RETENTION - timedelta(minutes=1)})
    db.session.commit()
    run_retention()
    assert kept() == {}


def test_going_back_to_the_code_page_signs_nobody_out(client, campaigner):
    assert client.get("/account/code").status_code == 302
    assert client.get("/desk/").status_code == 200
