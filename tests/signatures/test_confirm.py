import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support.factories import confirm_by_link, make_form, make_petition, make_signature

from petition.core import clock, tokens
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.signatures import retention
from petition.signatures.fingerprint import compute_fingerprint
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.models import Signature
from petition.signatures.retention import erase_disowned

SURE = {"sure": "yes"}  # the second step


@pytest.fixture
def petition(app):
    return make_petition()


@pytest.fixture
def signature(petition):
    return make_signature(petition, listed=True)


def state_of(signature):
    db.session.expire_all()
    return db.session.get(Signature, signature.id).state


def test_reading_the_link_changes_nothing_and_pressing_the_button_counts_once(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    for _ in range(3):
        page = client.get(link)
        assert page.status_code == 200
        assert "Zoé Martin" in page.get_data(as_text=True)
        client.head(link)
    assert state_of(signature) == "pending"
    first, second = confirm_by_link(client, link), confirm_by_link(client, link)
    for answer in (first, second):
        assert answer.status_code == 303
        assert re.fullmatch(r"/me/[\w.-]+", answer.headers["Location"])
        assert client.get(answer.headers["Location"]).status_code == 200
    assert state_of(signature) == "confirmed"
    assert get_count(petition).confirmed == 1


def test_fifty_confirmations_ten_at_once_count_once(app, petition, signature):
    link, form = f"/c/{make_confirm_token(signature)}", {"seen": compute_fingerprint(signature)}
    # No more at once than a process has connections: waiting for one of those is bounded, on purpose.
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda n: (
                    app.test_client().post(link, data=form, headers={"X-Forwarded-For": f"203.0.{n}.1"}).status_code
                ),
                range(50),
            )
        )
    assert answers == [303] * 50
    assert get_count(petition).confirmed == 1


def test_concurrent_confirmations_are_counted_exactly(app, petition):
    links = [f"/c/{make_confirm_token(make_signature(petition, email=f's{n}@example.org'))}" for n in range(40)]
    with ThreadPoolExecutor(10) as pool:
        list(
            pool.map(
                lambda item: confirm_by_link(
                    app.test_client(), item[1], headers={"X-Forwarded-For": f"203.0.{item[0]}.1"}
                ),
                enumerate(links),
            )
        )
    assert get_count(petition).people == 40


@pytest.mark.parametrize("tail", [".", "%3E", "=3D", ")."])
def test_a_mangled_link_still_works(client, signature, tail):
    assert confirm_by_link(client, f"/c/{make_confirm_token(signature)}{tail}").status_code == 303


def test_a_made_up_link_is_not_found(client, petition):
    for verb in (client.get, client.post):
        answer = verb("/c/BQE.awPI8g.HwpwcdSdoZdAQjkZlZ5myw")
        assert answer.status_code == 404


def test_disowning_never_counts_and_is_not_undone_by_confirming(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    assert client.post(f"{link}/disown", data=SURE).status_code == 200
    assert state_of(signature) == "disowned"
    assert client.post(link).status_code == 200
    assert state_of(signature) == "disowned"
    assert get_count(petition).confirmed == 0


def test_disowning_after_confirming_counts_down(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    confirm_by_link(client, link)
    client.post(f"{link}/disown", data=SURE)
    client.post(f"{link}/disown", data=SURE)
    assert get_count(petition).confirmed == 0


def test_disowning_a_signature_that_counts_takes_a_second_step(client, petition, signature):
    """A mail scanner that opens the link and submits what it finds must not take a signature out of the count."""
    link = f"/c/{make_confirm_token(signature)}"
    confirm_by_link(client, link)
    for data in ({}, {"sure": ""}, {"sure": "no"}):
        page = client.post(f"{link}/disown?lang=en", data=data)
        assert page.status_code == 200
        assert "This signature counts" in page.text
        assert (state_of(signature), get_count(petition).confirmed) == ("confirmed", 1)
    action, field = re.search(r'action="([^"]*/disown)">\s+<input type="hidden" ([^>]*)>', page.text).groups()
    assert (action, field) == (f"{link}/disown", 'name="sure" value="yes"')
    assert f'href="{link}' in page.text, "a way back"
    assert "put it back for 30 days" in client.post(action + "?lang=en", data=SURE).text
    assert (state_of(signature), get_count(petition).confirmed) == ("disowned", 0)


def test_a_confirmed_signature_that_is_disowned_is_hidden_and_keeps_its_details_for_a_time(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    signature.updates = True
    db.session.commit()
    me = confirm_by_link(client, link).headers["Location"]
    page = client.post(f"{link}/disown?lang=en", data=SURE).text
    assert "put it back for 30 days" in page
    assert "put it back for 30 days" in client.get(f"{link}?lang=en").text
    assert client.get(me).status_code == 410
    for path in ("/p/jardin", "/p/jardin/signatories", "/api/v1/petitions/jardin/signatories", link):
        assert "Zoé Martin" not in client.get(path).text, path
    client.post("/p/jardin/sign", data=make_form(name="Somebody Else"))
    assert state_of(signature) == "disowned"
    row = db.session.get(Signature, signature.id)
    assert (row.name, row.email, row.listed, row.updates) == ("Zoé Martin", "zoe@example.org", True, False)


def test_a_pending_signature_that_is_disowned_is_erased_once_its_link_has_expired(client, signature, monkeypatch):
    link = f"/c/{make_confirm_token(signature)}"
    page = client.post(f"{link}/disown?lang=en", data=SURE).text
    assert "What was typed in your place is erased after 14 days." in page
    later = clock.now() + timedelta(days=14, minutes=1)
    assert erase_disowned() == 0
    monkeypatch.setattr(retention.clock, "now", lambda: later)
    assert erase_disowned() == 1
    db.session.commit()
    db.session.expire_all()
    row = db.session.get(Signature, signature.id)
    assert (row.name, row.email, row.state) == ("", "", "disowned")
    page = client.get(f"{link}?lang=en").text
    assert "What was typed in your place is erased." in page
    assert "/take-back" not in page
    assert client.post(f"{link}/take-back").status_code == 200
    assert state_of(signature) == "disowned"


@pytest.mark.parametrize("state", ["pending", "confirmed"])
def test_one_press_disowns_nothing_and_one_press_takes_nothing_back_into_the_count(client, petition, signature, state):
    link = f"/c/{make_confirm_token(signature)}"
    if state == "confirmed":
        confirm_by_link(client, link)
    page = client.post(f"{link}/disown?lang=en")
    assert page.status_code == 200
    assert "Zoé Martin" in page.text
    assert state_of(signature) == state
    client.post(f"{link}/disown", data=SURE)
    assert state_of(signature) == "disowned"
    assert f'action="{link}/take-back"' in client.get(link).text
    assert client.post(f"{link}/take-back").status_code == 200
    assert get_count(petition).confirmed == 0
    for _ in range(2):
        assert client.post(f"{link}/take-back", data=SURE).status_code == 200
    assert state_of(signature) == state
    assert get_count(petition).confirmed == int(state == "confirmed")
    db.session.expire_all()
    row = db.session.get(Signature, signature.id)
    assert (row.name, row.listed, row.updates, row.ended_at) == ("Zoé Martin", True, False, None)
    assert confirm_by_link(client, link).status_code == 303
    assert get_count(petition).confirmed == 1


def test_a_signature_that_ended_otherwise_is_not_disowned_nor_taken_back(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    signature.state = "invalidated"
    db.session.commit()
    for action in ("disown", "take-back"):
        assert client.post(f"{link}/{action}", data=SURE).status_code == 410
    assert state_of(signature) == "invalidated"


def test_an_expired_link_offers_a_new_one(client, signature, monkeypatch):
    later = clock.now() + timedelta(days=15)
    old = make_confirm_token(signature)
    monkeypatch.setattr(tokens, "datetime", type("Later", (), {"now": staticmethod(lambda tz: later)}))
    page = client.get(f"/c/{old}")
    assert page.status_code == 410
    assert f"/c/{old}/resend" in page.get_data(as_text=True)
    assert client.post(f"/c/{old}").status_code == 410
    db.session.query(Delivery).update({"state": "sent", "created_at": clock.now() - timedelta(minutes=5)})
    db.session.commit()
    assert client.post(f"/c/{old}/resend").status_code == 200
    assert db.session.query(Delivery).filter_by(kind="confirm_signature").count() == 2
    assert state_of(signature) == "pending"


def test_changed_details_void_earlier_links(client, petition, signature):
    old = make_confirm_token(signature)
    db.session.query(Delivery).update({"state": "sent", "created_at": clock.now() - timedelta(minutes=5)})
    db.session.commit()
    client.post("/p/jardin/sign", data=make_form(name="Somebody Else"))
    db.session.expire_all()
    assert client.get(f"/c/{old}").status_code == 410
    db.session.expire_all()
    fresh = make_confirm_token(db.session.get(Signature, signature.id))
    assert "Somebody Else" in client.get(f"/c/{fresh}").get_data(as_text=True)


def test_unchanged_details_keep_earlier_links_valid(client, petition, signature):
    old = make_confirm_token(signature)
    db.session.query(Delivery).update({"state": "sent", "created_at": clock.now() - timedelta(minutes=5)})
    db.session.commit()
    client.post("/p/jardin/sign", data=make_form(listed="on"))
    assert db.session.query(Delivery).count() == 2
    assert confirm_by_link(client, f"/c/{old}").status_code == 303


def test_a_link_is_honoured_for_a_day_after_closing_and_then_says_so(client, petition, signature, monkeypatch):
    lifecycle.close(petition)
    db.session.commit()
    link = f"/c/{make_confirm_token(signature)}"
    petition.closed_at = clock.now() - timedelta(hours=25)
    db.session.commit()
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    assert state_of(signature) == "pending"
    petition.closed_at = clock.now() - timedelta(hours=23)
    db.session.commit()
    assert confirm_by_link(client, link).status_code == 303
    assert state_of(signature) == "confirmed"


def test_the_api_confirms_like_the_page(client, petition, signature):
    token = make_confirm_token(signature)
    for _ in range(2):
        answer = client.post("/api/v1/confirmations", json={"token": token})
        assert (answer.status_code, answer.json) == (200, {"status": "confirmed"})
    assert client.post("/api/v1/confirmations", json={"token": "nonsense"}).status_code == 404
    assert get_count(petition).confirmed == 1


def test_the_personal_page_shows_changes_withdraws_and_erases(client, petition, signature):
    confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    db.session.expire_all()
    me = f"/me/{make_personal_token(db.session.get(Signature, signature.id))}"
    assert client.post(f"{me}/display", data={"profession": "Aumônière"}).status_code == 303
    assert client.post(f"{me}/updates", data={"updates": "on"}).status_code == 303
    data = client.get(f"{me}/data").json
    assert (data["profession"], data["listed"], data["updates"], data["email"]) == (
        "Aumônière",
        False,
        True,
        "zoe@example.org",
    )
    assert client.post(f"{me}/display", data={"profession": "http://spam.example"}).status_code == 422
    for _ in range(2):
        assert client.post(f"{me}/withdraw").status_code == 303
    assert get_count(petition).confirmed == 0
    assert db.session.query(Delivery).filter_by(kind="withdrawn").count() == 1
    assert client.get(me).status_code == 200
    assert client.post(f"{me}/erase").status_code == 200
    assert db.session.query(Signature).count() == 0
    assert client.get(me).status_code == 410


def test_erasing_a_confirmed_signature_counts_down(client, petition, signature):
    me = confirm_by_link(client, f"/c/{make_confirm_token(signature)}").headers["Location"]
    client.post(f"{me}/erase")
    assert get_count(petition).confirmed == 0


def test_counts_equal_rows_after_concurrent_actions(app, petition):
    """Sign, confirm, disown, withdraw and erase one signature from many threads, again and again."""
    for round_ in range(6):
        signature = make_signature(petition, email=f"r{round_}@example.org")
        link = f"/c/{make_confirm_token(signature)}"
        me, seen = f"/me/{make_personal_token(signature)}", compute_fingerprint(signature)
        actions = [
            link,
            link,
            f"{link}/disown",
            f"{me}/withdraw",
            f"{me}/erase",
            f"{me}/updates",
            f"{me}/display",
            "/p/jardin/sign",
        ]

        def act(item, signature_email=f"r{round_}@example.org", seen=seen):
            number, path = item
            form = make_form(email=signature_email, updates="on", listed="on", profession="Juge", seen=seen, **SURE)
            headers = {"X-Forwarded-For": f"203.{number}.0.1"}
            return app.test_client().post(path, data=form, headers=headers).status_code

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(act, enumerate(actions * 2)))
        assert max(answers) < 500, answers
    db.session.rollback()
    assert get_count(petition).confirmed == db.session.query(Signature).filter_by(state="confirmed").count()


def test_the_button_confirms_only_the_details_that_the_page_showed(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    page = client.get(link).get_data(as_text=True)
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    client.post("/p/jardin/sign", data=make_form(name="Somebody Else", listed="on", updates="on"))
    db.session.expire_all()
    link = f"/c/{make_confirm_token(db.session.get(Signature, signature.id))}"
    answer = client.post(link, data={"seen": seen})
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert "Somebody Else" in page
    assert state_of(signature) == "pending"
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    assert client.post(link, data={"seen": seen}).status_code == 303
    assert state_of(signature) == "confirmed"


@pytest.mark.parametrize(("form", "status"), [({}, 422), ({"seen": ""}, 422), ({"seen": "0" * 32}, 409)])
def test_a_post_without_what_the_page_showed_counts_nothing(client, petition, signature, form, status):
    link = f"/c/{make_confirm_token(signature)}"
    answer = client.post(f"{link}?lang=en", data=form)
    assert answer.status_code == status
    assert f'name="seen" value="{compute_fingerprint(signature)}"' in answer.text, "the page, to read and to confirm"
    assert ("have changed since" in answer.text) == (status == 409)
    assert state_of(signature) == "pending"
    assert get_count(petition).confirmed == 0


def test_a_disowned_signature_cannot_be_edited_or_erased(client, petition, signature):
    link = f"/c/{make_confirm_token(signature)}"
    me = confirm_by_link(client, link).headers["Location"]
    client.post(f"{link}/disown", data=SURE)
    for action in ("updates", "display", "erase", "withdraw"):
        assert client.post(f"{me}/{action}", data={"updates": "on", "listed": "on"}).status_code == 410
    assert state_of(signature) == "disowned"


def test_a_withdrawn_signature_cannot_be_edited(client, petition, signature):
    me = confirm_by_link(client, f"/c/{make_confirm_token(signature)}").headers["Location"]
    client.post(f"{me}/withdraw")
    client.post(f"{me}/updates", data={"updates": "on"})
    client.post(f"{me}/display", data={"profession": "Pirate"})
    db.session.expire_all()
    row = db.session.get(Signature, signature.id)
    assert (row.updates, row.profession, row.state) == (False, None, "withdrawn")


def test_page_that_was_opened_before_the_key_was_rotated_confirms_and_still_notices_a_change(
    app, client, petition, monkeypatch
):
    for changed, status in ((False, 303), (True, 409)):
        signature = make_signature(petition, email=f"{status}@example.org")
        link = f"/c/{make_confirm_token(signature)}"
        seen = re.search(r'name="seen" value="(\w+)"', client.get(link).text)[1]
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
        monkeypatch.setitem(app.config, "SECRET_KEY", str(status) * 15)
        if changed:
            signature.profession = "Juge"
            db.session.commit()
        assert client.post(link, data={"seen": seen}).status_code == status
    assert get_count(petition).confirmed == 1
