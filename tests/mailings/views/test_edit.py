"""The form of a mailing."""

import html
import re

import pytest
from support.factories import make_mailing, make_petition, post_form, sign_in
from support.mailings import make_mailing_form as make_form

from petition.core.db import db
from petition.mailings.models import Mailing


def test_concurrent_edit_is_a_conflict_and_loses_no_input(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    mailing = make_mailing(petition)
    edit = f"/desk/mailings/{mailing.id}/edit"
    assert post_form(client, edit, **make_form(petition, subject_fr="Mine")).status_code == 303
    late = post_form(client, edit, **make_form(petition, subject_fr="Theirs"))
    assert late.status_code == 409
    assert "Mine" in late.text
    assert 'value="Theirs"' in late.text
    db.session.expire_all()
    assert mailing.texts["fr"].subject == "Mine"
    assert post_form(client, edit, **make_form(petition, subject_fr="Theirs", version=2)).status_code == 303


def test_invalid_form_names_the_line_and_keeps_the_input(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    response = post_form(
        client, "/desk/mailings/new?lang=en", **make_form(petition, body_fr="Bonjour\n\n{{ nom }}", per_hour="many")
    )
    assert response.status_code == 422
    assert "line 3: {{ nom }} is not known" in response.text
    assert 'value="many"' in response.text
    assert db.session.query(Mailing).count() == 0


@pytest.mark.parametrize("field", [
    {"name": "x" * 5000}, {"petitions": 10**30}, {"petitions": "x"}, {"per_hour": -1}, {"undo_minutes": "1e9"},
    {"confirmed_from": "0000-00-00"}, {"country": "ZZZ"},
    {"confirmed_from": "2026-02-01", "confirmed_until": "2026-01-01"},
    {"timezone": "../../etc/passwd"}, {"reply_to": "x"}, {"reply_to": "a@b.c\r\nBcc: x@y.z"}, {"body_fr": "{{"},
    {"languages": "xx"}, {"received": "1;DROP"}, {"failure_limit": "lots"}, {"subject_fr": ""}, {"version": "x" * 50},
    {"professions": "\0"}, {"city": "\ud800"}, {"party": "robot"},
])  # fmt: skip
def test_malformed_input_is_a_form_error(client, field):
    petition = make_petition()
    sign_in(client, "campaigner")
    values = make_form(petition, **field)
    values = {k: v.encode("utf-8", "surrogatepass") if isinstance(v, str) else v for k, v in values.items()}
    assert post_form(client, "/desk/mailings/new", **values).status_code in (303, 422)


@pytest.mark.parametrize("between", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "\0"])
@pytest.mark.parametrize("field", ["sender_name", "subject_fr"])
def test_header_fields_are_one_line(client, field, between):
    sign_in(client, "campaigner")
    values = make_form(make_petition(), **{field: f"Zoé{between}Bcc: x@example.org"})
    response = post_form(client, "/desk/mailings/new", **values)
    assert response.status_code in (303, 422)
    for mailing in db.session.query(Mailing):
        assert mailing.sender_name.isprintable()
        assert mailing.texts["fr"].subject.isprintable()


def test_sender_is_the_petitions_where_none_is_written(client):
    petition = make_petition(reply_to="team@example.org")
    sign_in(client, "campaigner")
    post_form(client, "/desk/mailings/new", **make_form(petition, sender_name=""))
    mailing = db.session.query(Mailing).one()
    assert (mailing.sender_name, mailing.reply_to) == (petition.sender_name, "team@example.org")


def test_country_is_chosen_by_its_name(client):
    sign_in(client, "campaigner")
    make_petition()
    assert '<option value="DE">Allemagne</option>' in client.get("/desk/mailings/new?lang=fr").text


def test_versions_of_two_people_are_combined(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    mailing = make_mailing(petition)
    edit = f"/desk/mailings/{mailing.id}/edit"
    base = hidden_base(client.get(edit).text)
    theirs = stored_form(client, edit) | {"subject_fr": "Leur objet"}
    assert post_form(client, edit, **theirs).status_code == 303
    mine = stored_form(client, edit) | {"subject_fr": "Nous avançons, {{ name }}", "name": "Mine", "base": base}
    late = post_form(client, f"{edit}?lang=en", **mine | {"version": 1})
    assert late.status_code == 409
    assert "Leur objet" in late.text
    assert "different fields" in late.text
    assert post_form(client, edit, **mine | {"version": 2, "resolve": "together"}).status_code == 303
    db.session.expire_all()
    assert (mailing.name, mailing.texts["fr"].subject) == ("Mine", "Leur objet")


def test_text_of_a_second_tab_survives_the_scheduling_of_its_mailing(client):
    petition = make_petition()
    sign_in(client, "campaigner")
    mailing = make_mailing(petition)
    edit = f"/desk/mailings/{mailing.id}/edit"
    typed = stored_form(client, edit) | {"subject_fr": "Écrit entre-temps"}
    mailing.state = "scheduled"
    db.session.commit()
    late = post_form(client, f"{edit}?lang=en", **typed)
    assert late.status_code == 409
    assert "Écrit entre-temps" in late.text
    copied = post_form(client, edit, **typed, copy="1")
    assert copied.status_code == 303
    db.session.expire_all()
    assert mailing.texts["fr"].subject != "Écrit entre-temps"
    newest = db.session.query(Mailing).order_by(Mailing.id.desc()).first()
    assert (newest.id != mailing.id, newest.state, newest.texts["fr"].subject) == (True, "draft", "Écrit entre-temps")


def hidden_base(page):
    return html.unescape(re.search(r'name="base" value="([^"]*)"', page)[1])


def stored_form(client, path):
    """Return the fields of the form as a browser sends them back."""
    page = client.get(path).text
    body = page[page.index('id="mailing"') :]
    fields = {}
    for tag in re.findall(r"<input [^>]*>", body):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            fields[name[1]] = html.unescape(value[1]) if value else "on"
    for name, value in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', body, re.S):
        fields[name] = html.unescape(value)
    fields.pop("csrf_token")
    return fields


def test_languages_that_no_chosen_petition_speaks_are_folded(client):
    petition = make_petition()
    french = make_petition(slug="parc")
    del french.texts["en"]
    db.session.commit()
    sign_in(client, "campaigner")

    def list_open(path):
        page = client.get(f"/desk/mailings/{path}").text
        return set(re.findall(r'<details class="language" open><summary>(\w+)', page))

    assert list_open("new") == {"Français", "English"}
    assert list_open(f"new?petition={petition.id}") == {"Français", "English"}
    assert list_open(f"new?petition={french.id}") == {"Français"}
    assert list_open(f"{make_mailing(french).id}/edit") == {"Français", "English"}, "written in both"
