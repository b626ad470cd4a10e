"""News of a petition: written at the desk, shown on its page, in its timeline and its feed, made a mailing."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.mailings.models import Mailing
from petition.petitions.updates.models import PetitionUpdate
from petition.team.models import AuditEvent

ATOM = "{http://www.w3.org/2005/Atom}"
DESK = "/desk/petitions/jardin/updates"


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner")


def fields(**changed):
    return {
        "kind": "update", "happened_on": "2024-05-02", "source_url": "",
        "fr.title": "Nous avançons", "fr.body": "Un **pas** de plus.", **changed,
    }  # fmt: skip


def write(client, **changed):
    answer = post_form(client, f"{DESK}/new?lang=en", **fields(**changed))
    assert answer.status_code == 303, answer.text
    return db.session.query(PetitionUpdate).order_by(PetitionUpdate.id.desc()).first()


def test_draft_is_seen_by_nobody_until_it_is_published_and_taken_back(client, campaigner):
    make_petition()
    update = write(client)
    public = ("/p/jardin", "/p/jardin/updates", "/p/jardin/updates.atom")
    assert all("Nous avançons" not in client.get(path).text for path in public)
    post_form(client, f"{DESK}/{update.id}", **fields(version=update.version, publish="1"))
    assert all("Nous avançons" in client.get(path).text for path in public)
    assert "<strong>pas</strong>" in client.get("/p/jardin/updates").text
    post_form(client, f"{DESK}/{update.id}/delete")
    assert db.session.query(PetitionUpdate).count() == 1
    post_form(client, f"{DESK}/{update.id}/take-back")
    assert all("Nous avançons" not in client.get(path).text for path in public)
    post_form(client, f"{DESK}/{update.id}/delete")
    assert db.session.query(PetitionUpdate).count() == 0
    assert [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)] == [
        "petition.update_written", "petition.update_published", "petition.update_taken_back", "petition.update_deleted",
    ]  # fmt: skip


def test_timeline_is_in_the_order_of_days_and_tells_nothing_twice(client, campaigner):
    handed_over = datetime(2024, 6, 1, 12, tzinfo=UTC)
    make_petition(opens_at=datetime(2024, 1, 2, 12, tzinfo=UTC), handed_over_at=handed_over)
    page = client.get("/p/jardin/updates?lang=en").text
    assert [page.index(text) for text in ("The signatures were handed over", "Opened for signing")]
    write(client, publish="1", kind="answer", happened_on="2024-07-01", source_url="https://example.org/answer")
    write(client, publish="1", kind="handed_over", happened_on="2024-06-01", **{"fr.title": "Remise au ministère"})
    write(client, publish="1", happened_on="2024-03-01", **{"fr.title": "Premier pas"})
    page = client.get("/p/jardin/updates?lang=en").text
    order = [page.index(text) for text in ("Nous avançons", "Remise au ministère", "Premier pas", "Opened for signing")]
    assert order == sorted(order)
    assert "The signatures were handed over" not in page
    assert 'href="https://example.org/answer"' in page
    petition_page = client.get("/p/jardin?lang=en").text
    assert re.search(
        r'class="stage"><b>The answer</b> <a href="/p/jardin/updates\?lang=en#update-1" lang="fr">', petition_page
    )


def test_page_shows_the_last_three(client, campaigner):
    make_petition()
    for month in range(1, 5):
        write(client, publish="1", happened_on=f"2024-0{month}-01", **{"fr.title": f"Mois {month}"})
    page = client.get("/p/jardin?lang=en").text
    assert [f"Mois {month}" in page for month in range(1, 5)] == [False, True, True, True]
    assert 'type="application/atom+xml"' in page


def test_feed_is_atom_in_each_language(client, campaigner):
    make_petition()
    empty = ET.fromstring(client.get("/p/jardin/updates.atom?lang=en").data)
    assert empty.findall(f"{ATOM}entry") == []
    assert datetime.fromisoformat(empty.find(f"{ATOM}updated").text)
    write(client, publish="1", **{"en.title": "A step & <more>", "en.body": "One *step*."})
    write(client, publish="1", **{"fr.title": "En français seulement"})
    answer = client.get("/p/jardin/updates.atom?lang=en")
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    assert [entry.find(f"{ATOM}title").text for entry in feed.iter(f"{ATOM}entry")] == [
        "En français seulement", "A step & <more>",
    ]  # fmt: skip
    first, second = feed.iter(f"{ATOM}entry")
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert (feed.get(lang), first.get(lang), second.get(lang)) == ("en", "fr", "en")
    for element in (feed, first, second):
        assert element.find(f"{ATOM}id").text
        assert datetime.fromisoformat(element.find(f"{ATOM}updated").text).tzinfo
    assert second.find(f"{ATOM}content").get("type") == "html"
    assert "<em>step</em>" in second.find(f"{ATOM}content").text
    assert feed.find(f"{ATOM}author/{ATOM}name").text == "Les amis du jardin"
    assert len({entry.find(f"{ATOM}id").text for entry in (first, second)}) == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "other"}, "kind"), ({"happened_on": "soon"}, "happened_on"),
        ({"happened_on": "2999-01-01"}, "happened_on"),
        ({"source_url": "javascript:alert(1)"}, "source_url"), ({"source_url": "https://[x"}, "source_url"),
        ({"fr.title": ""}, "fr.title"), ({"fr.title": "x" * 201}, "fr.title"), ({"fr.body": ""}, "fr.body"),
        ({"fr.body": "x" * 30_001}, "fr.body"), ({"fr.body": "a[^1]\n\n[^1]: b"}, "fr.body"),
        ({"en.body": "No title"}, "en.title"), ({"fr.title": "a\u0007b"}, "fr.title"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client, campaigner, changed, field):
    make_petition()
    answer = post_form(client, f"{DESK}/new?lang=en", **fields(publish="1", **changed))
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "fr.body" in changed or "Un **pas** de plus." in answer.text
    assert db.session.query(PetitionUpdate).count() == 0


def test_a_draft_needs_a_title_alone(client, campaigner):
    make_petition()
    assert write(client, **{"fr.body": ""}).published_at is None
    assert post_form(client, f"{DESK}/new", **fields(**{"fr.title": "", "fr.body": ""})).status_code == 422


def test_two_who_write_at_once(client, campaigner):
    make_petition()
    update = write(client)
    version = update.version
    post_form(client, f"{DESK}/{update.id}", **fields(version=version, **{"fr.title": "De la première"}))
    answer = post_form(
        client, f"{DESK}/{update.id}?lang=en", **fields(version=version, **{"fr.title": "De la seconde"})
    )
    assert answer.status_code == 409
    assert "De la seconde" in answer.text
    db.session.expire_all()
    assert db.session.get(PetitionUpdate, update.id).texts["fr"]["title"] == "De la première"
    version = re.search(r'name="version" value="(\d+)"', answer.text)[1]
    post_form(client, f"{DESK}/{update.id}", **fields(version=version, **{"fr.title": "De la seconde"}))
    db.session.expire_all()
    assert db.session.get(PetitionUpdate, update.id).texts["fr"]["title"] == "De la seconde"


def test_preview_is_safe_html_and_saves_nothing(client, campaigner):
    make_petition()
    text = {"fr.body": "<script>alert(1)</script> **fort** ![x](https://evil.example/a.png)"}
    live = post_form(client, f"{DESK}/preview?lang=en", language="fr", **fields(**text))
    whole = post_form(client, f"{DESK}/new?lang=en", preview="1", **fields(**text))
    for answer in (live, whole):
        assert answer.status_code == 200
        assert "<strong>fort</strong>" in answer.text
        assert "<script>alert" not in answer.text
        assert "this image is not shown" in answer.text
    assert db.session.query(PetitionUpdate).count() == 0


def test_one_click_makes_a_mailing_of_it(client, campaigner):
    petition = make_petition()
    english = {"en.title": "We get there", "en.body": "A **step**."}
    update = write(client, kind="answer", source_url="https://example.org/a", **english)
    answer = post_form(client, f"/desk/mailings/of-update/{update.id}?lang=en")
    mailing = db.session.query(Mailing).one()
    assert answer.headers["Location"].startswith(f"/desk/mailings/{mailing.id}")
    assert (mailing.state, mailing.segment["petitions"]) == ("draft", [petition.id])
    assert {language: text.subject for language, text in mailing.texts.items()} == {
        "fr": "Nous avançons", "en": "We get there",
    }  # fmt: skip
    french, english = mailing.texts["fr"].body, mailing.texts["en"].body
    assert french.startswith("Bonjour {{ first_name }},\n\nUn **pas** de plus.\n\nSource")
    assert english.startswith("Hello {{ first_name }},\n\nA **step**.\n\nSource: <https://example.org/a>")
    assert french.endswith("({{ petition_link }})\n\n{{ sender }}")


def test_what_cannot_be_a_mailing_says_so(client, campaigner):
    make_petition()
    update = write(client, **{"fr.body": "{{ nothing }}"})
    answer = post_form(client, f"/desk/mailings/of-update/{update.id}?lang=en")
    assert answer.headers["Location"].startswith(DESK)
    assert db.session.query(Mailing).count() == 0
    assert post_form(client, "/desk/mailings/of-update/999").status_code == 404


def test_news_of_a_draft_are_not_public(client, campaigner):
    make_petition(state="draft")
    write(client, publish="1")
    assert client.get("/p/jardin/updates").status_code == 404
    assert client.get("/p/jardin/updates.atom").status_code == 404
    assert client.get("/p/nowhere/updates").status_code == 404


def test_languages_that_the_petition_does_not_speak_are_folded(client, campaigner):
    make_petition()

    def list_open(page):
        return re.findall(r'<details open>\s*<summary><h3 id="(\w+)"', page.text)

    assert list_open(client.get(f"{DESK}/new")) == ["fr", "en"]
    wrong = post_form(client, f"{DESK}/new?lang=en", **fields(**{"es.body": "Una nota", "happened_on": "x"}))
    assert (wrong.status_code, list_open(wrong)) == (422, ["fr", "en", "es"])
