"""Unsubscribe by the link in a mailing: only a POST acts, at any time and idempotently. Public mailings."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.factories import make_mailing, make_petition, make_signature

from petition.core import tokens
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.mailings.emails import unsubscribe_link
from petition.mailings.models import Unsubscription
from petition.petitions.counters import get_count
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, withdraw

ONE_CLICK = {"data": b"List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def signatures(app):
    """Return the signatures of one address under three petitions, confirmed, with consent to updates."""
    petitions = [make_petition(slug=slug) for slug in ("un", "deux", "trois")]
    found = [make_signature(p, email="zoe@example.org", state="confirmed", updates=True) for p in petitions]
    db.session.query(Delivery).delete()
    db.session.commit()
    return found


@pytest.fixture
def link(signatures):
    """Return the path of the link in a mailing to the first two petitions."""
    one, two, _ = signatures
    mailing = make_mailing(one.petition, segment={"petitions": [one.petition_id, two.petition_id]}, state="sending")
    row = Delivery(kind="mailing", queue="mailings", petition_id=one.petition_id, subject_id=one.id,
                   generation=mailing.id, mailing_id=mailing.id, state="sent")  # fmt: skip
    db.session.add(row)
    db.session.commit()
    return unsubscribe_link(row.id).removeprefix("http://localhost")


def updates():
    db.session.expire_all()
    return [s.updates for s in db.session.query(Signature).order_by(Signature.id)]


def test_opening_the_page_changes_nothing(client, signatures, link):
    for method in ("GET", "HEAD"):
        answer = client.open(link, method=method)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    page = client.get(link).text
    assert all(f'value="{choice}"' in page for choice in ("these", "all", "withdraw"))
    assert updates() == [True] * 3


def test_the_page_speaks_the_signer_s_language(client, signatures, link):
    assert '<html lang="fr"' in client.get(link, headers={"Accept-Language": "en"}).text
    assert '<html lang="en"' in client.get(f"{link}?lang=en", headers={"Accept-Language": "fr"}).text


def test_a_title_in_another_language_is_within_the_words_of_its_button(client, signatures, link):
    page = client.get(f"{link}?lang=es").text
    assert re.search(r'value="these"><span>[^<]+«<span lang="\w+">[^<]+</span>»</span></button>', page)


def test_one_click_unsubscribes_from_the_petitions_of_the_mailing_without_cookie_or_redirect(client, signatures, link):
    for _ in range(2):
        answer = client.post(link, **ONE_CLICK)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert updates() == [False, False, True]
    assert db.session.query(Unsubscription).one().choice == "these"


def test_unsubscribe_from_all_and_withdraw(client, signatures, link):
    client.post(link, data={"choice": "all"})
    assert updates() == [False] * 3
    asked = client.post(f"{link}?lang=en", data={"choice": "withdraw"})
    assert "Nothing has changed yet" in asked.text
    db.session.expire_all()
    assert signatures[0].state == "confirmed"
    client.post(link, data={"choice": "withdraw", "sure": "yes"})
    assert signatures[0].state == "withdrawn"
    assert get_count(signatures[0].petition).confirmed == -1  # the factory confirms without counting
    assert db.session.query(Unsubscription).count() == 1


def test_link_works_after_key_rotation_withdrawal_and_erasure(app, client, signatures, link, monkeypatch):
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key that is long enough for it")
    signatures[0].generation = signatures[0].valid_from = 99
    db.session.commit()
    assert client.post(link, **ONE_CLICK).status_code == 200
    assert updates()[0] is False
    withdraw(signatures[0])
    db.session.commit()
    assert client.post(link, **ONE_CLICK).status_code == 200
    erase(signatures[0])
    db.session.commit()
    assert client.get(link).status_code == client.post(link, **ONE_CLICK).status_code == 200


def test_concurrent_requests_count_once(app, signatures, link):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(link, **ONE_CLICK).status_code, range(16)))
    assert set(answers) == {200}
    assert db.session.query(Unsubscription).count() == 1


@pytest.mark.parametrize("path", ["/u/x", "/u/%00", "/u/" + "a" * 500, "/u/%ff", "/mailings/1", f"/mailings/{10**30}"])
def test_invalid_link_is_not_found(client, path):
    assert client.get(path).status_code == 404
    if path.startswith("/u/"):
        assert client.post(path).status_code == 404


def test_link_of_another_delivery_does_nothing(app, client, signatures, link):
    for values in ((1, 2), ()):
        path = f"/u/{tokens.make('unsubscribe', *values)}"
        assert client.post(path).status_code == 404
    gone = f"/u/{tokens.make('unsubscribe', 10**18)}"
    for response in (client.get(gone), client.post(gone)):
        assert response.status_code == 200, "one of ours, of an email of which nothing is kept"
        assert "Plus rien n’est conservé" in response.text
    assert client.get("/u/test").status_code == client.post("/u/test").status_code == 200
    assert updates() == [True] * 3


def test_public_page_has_no_personal_data(client, signatures):
    texts = {"fr": {"subject": "Bonjour {{ name }}", "body": "Bonjour {{ name }},\n\nNous sommes {{ count }}."}}
    mailing = make_mailing(signatures[0].petition, texts=texts, public=True, state="sent")
    page = client.get(f"/mailings/{mailing.id}").text
    assert "Bonjour," in page
    assert "Zoé" not in page
    mailing.public = False
    db.session.commit()
    assert client.get(f"/mailings/{mailing.id}").status_code == 404
