"""The public list page by page: positions, both ways, by letter, by profession, by name."""

import re

import pytest
from sqlalchemy import text
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.petitions.statistics.campaign import roll_up_batch
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.listing import list_pages
from petition.signatures.listing.list_pages import ListView, browse, count_people, search
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.staff.invalidate import invalidate, reinstate

NAMES = ("Zoé Lefèvre", "Émile Zola", "Odile Œuvre", "Anne Martin", "Ève Le Goff", "Éric Martinet", "李 明")


@pytest.fixture
def petition(app):
    petition = make_petition()
    petition.texts["fr"].professions, petition.texts["en"].professions = ["Avocate / avocat"], ["Lawyer"]
    for number, name in enumerate(NAMES):
        profession = ("Avocate", "avocat", "Lawyer", None, "Juge", None, None)[number]
        email = f"s{number}@example.org"
        confirm_signature(make_signature(petition, email=email, name=name, listed=True, profession=profession))
    confirm_signature(make_signature(petition, email="hidden@example.org", name="Hélène Cachée"))
    db.session.commit()
    return petition


@pytest.fixture
def _two_a_page(monkeypatch):
    monkeypatch.setattr(list_pages, "PAGE_SIZE", 2)


def names(page):
    return [one.name for one in page.people]


def turn(petition, view, backwards=False):
    """Return the names of every page, turned forwards, or to the end and back."""
    pages, page = [], browse(petition, view)
    while True:
        pages.append(names(page))
        if page.next is None:
            break
        page = browse(petition, view, after=page.next)
    if not backwards:
        return pages
    pages = [names(page)]
    while page.previous is not None:
        page = browse(petition, view, before=page.previous)
        pages.insert(0, names(page))
    return pages


@pytest.mark.usefixtures("_two_a_page")
@pytest.mark.parametrize("view", [ListView(), ListView(by_name=True)])
def test_pages_are_the_same_both_ways(petition, view):
    forwards = turn(petition, view)
    assert sorted(name for page in forwards for name in page) == sorted(NAMES)
    assert turn(petition, view, backwards=True) == forwards


def test_names_are_in_alphabetical_order(petition):
    assert names(browse(petition, ListView(by_name=True))) == [
        "Anne Martin", "Émile Zola", "Éric Martinet", "Ève Le Goff", "Odile Œuvre", "Zoé Lefèvre", "李 明",
    ]  # fmt: skip
    assert names(browse(petition, ListView(letter="e"))) == ["Émile Zola", "Éric Martinet", "Ève Le Goff"]
    assert names(browse(petition, ListView(letter="other"))) == ["李 明"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("martin", ["Anne Martin", "Éric Martinet"]), ("LEFEVRE", ["Zoé Lefèvre"]), ("goff eve", ["Ève Le Goff"]),
        ("oeuv", ["Odile Œuvre"]), ("cachee", []), ("m", []), ("", []), ("'); drop:*&|!", []), ("\0", []),
    ],
)  # fmt: skip
def test_a_name_is_found_by_the_beginnings_of_its_words(client, petition, typed, found):
    assert [one.name for one in search(petition, typed)] == found
    answer = client.post("/p/jardin/signatories?lang=en", data={"name": typed})
    assert answer.status_code == 200
    for name in found:
        assert name in answer.text


def test_the_list_by_profession_has_it_in_every_language(client, petition):
    for form in ("Avocate", "lawyer"):
        page = client.get(f"/p/jardin/signatories?profession={form}&lang=en").text
        assert [name for name in NAMES if name in page] == ["Zoé Lefèvre", "Émile Zola", "Odile Œuvre"]
    assert client.get("/p/jardin/signatories?profession=nothing").status_code == 404


@pytest.mark.usefixtures("_two_a_page")
def test_each_page_says_where_it_is_and_has_a_title_of_its_own(client, petition):
    path, titles = "/p/jardin/signatories?lang=en", []
    positions = []
    while path:
        page = client.get(path).text
        titles.append(re.search(r"<title>(.*?)</title>", page)[1])
        positions.append(re.search(r'class="hint position">(.*?)<', page)[1])
        path = (re.findall(r'href="([^"]+)" rel="next"', page) or [""])[0].replace("&amp;", "&")
    assert positions == ["1–2 of 7", "3–4 of 7", "5–6 of 7", "7–7 of 7"]
    assert len(set(titles)) == 4
    back = re.search(r'href="([^"]+)" rel="prev"', page)[1].replace("&amp;", "&")
    assert names(browse(petition, ListView()))[0] not in client.get(back).text


@pytest.mark.parametrize("query", ["after=x", "before=", "letter=é", "letter=", "after=1&start=-5", "letter=ab"])
def test_made_up_parameters_do_no_harm(client, petition, query):
    assert client.get(f"/p/jardin/signatories?{query}").status_code in (200, 404)


def count_rows():
    return db.session.query(Signature).filter_by(state="confirmed", listed=True, party="person").filter(
        Signature.review.is_(None) | (Signature.review == "approved")
    ).count()  # fmt: skip


def test_the_number_equals_the_rows_after_every_change(petition):
    found = db.session.query(Signature).order_by(Signature.id).all()

    def change(signature, **values):
        for name, value in values.items():
            setattr(signature, name, value)

    for step in (
        lambda: withdraw(found[0]), lambda: disown(found[1]), lambda: invalidate(found[2]), lambda: reinstate(found[2]),
        lambda: change(found[3], listed=False), lambda: change(found[3], listed=True),
        lambda: change(found[4], review="waiting"), lambda: change(found[4], review="approved"),
        lambda: erase(found[5]), lambda: change(found[7], listed=True, name="Hélène"),
    ):  # fmt: skip
        step()
        db.session.commit()
        assert count_people(petition) == count_rows()
        roll_up_batch()
        assert count_people(petition) == count_rows()
    assert count_people(petition) == 5


@pytest.mark.usefixtures("new_tables")
def test_a_page_by_name_is_read_from_its_index(petition):
    """On a table this small only if scanning it, and sorting, are forbidden."""
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    db.session.execute(text("SET LOCAL enable_sort = off"))
    plan = db.session.scalars(
        text("""
            EXPLAIN SELECT * FROM signatures
            WHERE petition_id = 1 AND state = 'confirmed' AND listed AND (review IS NULL OR review = 'approved')
                AND party = 'person' AND collation_key(name) COLLATE "C" >= 'm'
            ORDER BY collation_key(name) COLLATE "C", confirmed_no LIMIT 101
        """)
    )
    assert "ix_signatures_list_name" in "\n".join(plan)
