"""The legal notice: written at the desk or from a file, on every public page, and needed before anything is public."""

import re

import pytest
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.core.front_matter import InvalidFile
from petition.core.i18n import LANGUAGES
from petition.demo import NOTICE_FILE
from petition.operations.doctor.findings import Level
from petition.operations.doctor.legal import check_legal_notice
from petition.petitions import lifecycle
from petition.petitions.legal import imprint
from petition.petitions.legal.file_parser import parse_notice
from petition.petitions.legal.models import WHOLE_SITE, LegalNotice
from petition.team.models import AuditEvent

VALUES = {
    "publisher": "Les amis du jardin, association", "address": "1 rue du Jardin\n75000 Paris",
    "contact": "01 00 00 00 00\njardin@example.org", "director": "La présidente",
    "host": "Un hébergeur\n2 rue du Serveur",
    **{f"{code}.{part}": "" for code in LANGUAGES for part in ("privacy", "legal")},
    "fr.privacy": "## Données\n\nPeu de **choses**.",
}  # fmt: skip


@pytest.fixture
def public(app, monkeypatch):
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://petition.example.org")


def write(petition_id=WHOLE_SITE, **changed):
    notice = imprint.save(petition_id, VALUES | changed)
    db.session.commit()
    return notice


def test_every_public_page_leads_to_it(client):
    petition = make_petition()
    for path in ("/?lang=en", "/my-signatures?lang=en"):
        assert 'href="/legal?lang=en"' in client.get(path).text
    assert 'href="/p/jardin/legal?lang=en"' in client.get("/p/jardin?lang=en").text
    assert "is not written yet" in client.get("/p/jardin/legal?lang=en").text
    write()
    for path in ("/legal", "/p/jardin/legal"):
        page = client.get(path)
        assert page.status_code == 200
        assert "1 rue du Jardin<br>75000 Paris" in page.text
        assert "La présidente" in page.text
        assert "<strong>choses</strong>" in page.text
    write(petition.id, publisher="Un autre éditeur", **{"en.privacy": "Little."})
    assert "Un autre éditeur" in client.get("/p/jardin/legal").text
    assert "Little." in client.get("/p/jardin/legal?lang=en").text
    assert "Les amis du jardin, association" in client.get("/legal").text


def test_it_stays_while_a_petition_is_archived_and_is_not_there_for_a_draft(client):
    petition = make_petition()
    write()
    assert client.get("/p/nowhere/legal").status_code == 404
    petition.state = "archived"
    db.session.commit()
    assert client.get("/p/jardin/legal").status_code == 200
    petition.state = "draft"
    db.session.commit()
    assert client.get("/p/jardin/legal").status_code == 404


def test_nothing_is_opened_on_a_public_address_without_one(client, public):
    sign_in(client, "campaigner")
    petition = make_petition(state="draft")
    page = client.get("/desk/petitions/jardin/state/open?lang=en").text
    assert "nobody answers for it" in page
    assert 'href="/desk/legal"' in page
    answer = post_form(client, "/desk/petitions/jardin/state/open?lang=en", version=petition.version)
    assert answer.status_code == 422
    with pytest.raises(lifecycle.NoticeMissing, match="petition petitions notice"):
        lifecycle.open_(petition)
    db.session.rollback()
    write(petition.id)
    assert post_form(client, "/desk/petitions/jardin/state/open", version=petition.version).status_code == 303
    db.session.expire_all()
    assert petition.is_open


def test_a_draft_that_opens_by_itself_needs_one_too(client, public):
    sign_in(client, "campaigner")
    fields = {
        "kind": "petition", "slug": "jardin", "default_language": "fr", "timezone": "Europe/Paris", "listing": "opt_in",
        "sender_name": "Les amis", "opens": "2023-05-01T12:00", "fr.title": "Un jardin", "fr.summary": "Un jardin.",
        "fr.addressee": "la maire", "fr.body": "Un texte.",
    }  # fmt: skip
    answer = post_form(client, "/desk/petitions/new?lang=en", **fields)
    assert answer.status_code == 422
    assert "The legal notice is missing" in answer.text
    assert post_form(client, "/desk/petitions/new", **fields | {"opens": ""}).status_code == 303
    version = re.search(r'name="version" value="(\d+)"', client.get("/desk/petitions/jardin/edit").text)[1]
    answer = post_form(
        client, "/desk/petitions/jardin/edit?lang=en", version=version, base="{}", resolve="mine", **fields
    )
    assert answer.status_code == 422
    assert "The legal notice is missing" in answer.text
    write()
    answer = post_form(client, "/desk/petitions/jardin/edit", version=version, base="{}", resolve="mine", **fields)
    assert answer.status_code == 303


def test_no_notice_is_needed_on_this_machine(client):
    lifecycle.open_(make_petition(state="draft"))


def test_the_doctor_says_so(app, public):
    assert [finding.level for finding in check_legal_notice()] == [Level.WARNING]
    petition = make_petition()
    (finding,) = check_legal_notice()
    assert finding.level == Level.WRONG
    assert "jardin" in finding.message()
    assert "/desk/legal" in finding.next_step()
    write(petition.id)
    assert [finding.level for finding in check_legal_notice()] == [Level.WARNING]
    write()
    assert [finding.level for finding in check_legal_notice()] == [Level.OK]


@pytest.mark.parametrize("path", ["/desk/legal", "/desk/petitions/jardin/legal"])
def test_desk_suggests_a_privacy_notice_and_saves_what_is_written(client, path):
    sign_in(client, "campaigner")
    make_petition()
    page = client.get(f"{path}?lang=en")
    assert "Who answers for your data" in page.text
    assert "Qui répond de vos données" in page.text
    answer = post_form(client, f"{path}?lang=en", version="", **VALUES | {"director": ""})
    assert answer.status_code == 422
    assert "2 rue du Serveur" in answer.text
    assert 'href="#director"' in answer.text
    assert post_form(client, path, version="", **VALUES).status_code == 303
    stale = post_form(client, f"{path}?lang=en", version="", **VALUES | {"director": "Une autre"})
    assert stale.status_code == 409
    assert "Une autre" in stale.text
    version = re.search(r'name="version" value="(\d+)"', stale.text)[1]
    assert post_form(client, path, version=version, **VALUES | {"director": "Une autre"}).status_code == 303
    db.session.expire_all()
    assert db.session.query(LegalNotice).one().director == "Une autre"
    assert {event.action for event in db.session.query(AuditEvent)} <= {"legal.written", "legal.site_written"}


def test_the_notice_of_a_petition_is_deleted_where_the_site_has_one(client, public):
    sign_in(client, "campaigner")
    petition = make_petition()
    write(petition.id)
    post_form(client, "/desk/petitions/jardin/legal/remove")
    assert db.session.query(LegalNotice).count() == 1
    write()
    post_form(client, "/desk/petitions/jardin/legal/remove")
    assert [notice.petition_id for notice in db.session.query(LegalNotice)] == [WHOLE_SITE]


def test_the_file_of_the_demo_is_complete(app):
    values = parse_notice(NOTICE_FILE.read_text())
    assert set(imprint.parse_values(values)["texts"]) == set(LANGUAGES)


def test_a_file_that_lacks_something_names_the_line(app):
    text = NOTICE_FILE.read_text().replace("director:", "directeur:")
    with pytest.raises(InvalidFile) as error:
        parse_notice(text)
    line = text.split("\n").index(next(row for row in text.split("\n") if row.startswith("directeur:"))) + 1
    assert (line, "'directeur' is not a setting: one of publisher, address, contact, director, host, legal") in (
        error.value.problems
    )
    assert any("director" in message for _line, message in error.value.problems)


def test_what_is_written_is_no_html(client):
    write(publisher="<b>x</b>", **{"fr.privacy": "<script>alert(1)</script>"})
    page = client.get("/legal").text
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<script>alert" not in page
