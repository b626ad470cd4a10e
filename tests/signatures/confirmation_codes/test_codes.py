"""Confirm by the code in the email."""

import email
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask_babel import force_locale, gettext
from sqlalchemy import event
from support.factories import confirm_by_link, make_form, make_petition, make_signature
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.worker import run_queue
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.signatures.confirm import disown
from petition.signatures.confirmation_codes import codes
from petition.signatures.confirmation_codes.codes import MAX_TRIES, delete_old_tries, make_code
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import withdraw
from petition.signatures.request_models import CodeTries

PATH = "/p/jardin/code"
API = "/api/v1/confirmations"
EMAIL = "zoe@example.org"


@pytest.fixture
def petition(app):
    return make_petition()


def sign(client, **fields):
    """Sign with the form, and return the handle that the page after it has."""
    answer = client.post("/p/jardin/sign", data=make_form(show_address="1", **fields))
    assert answer.status_code == 303
    process_requests()
    page = client.get(answer.headers["Location"]).text
    return re.search(r'name="handle" value="([^"]+)"', page)[1]


def find(email=EMAIL):
    db.session.rollback()
    return db.session.query(Signature).filter_by(email=email).one()


def wrong_code(signature):
    return f"{(int(make_code(signature)) + 1) % 10**8:08d}"


def post(client, handle, code, network="203.0.113.1", **fields):
    return client.post(PATH, data={"handle": handle, "code": code, **fields}, headers={"X-Forwarded-For": network})


def test_the_code_in_the_email_confirms_where_it_was_asked_for(client, petition, sent_emails):
    handle = sign(client)
    run_queue("confirmations")
    signature = find()
    text, html = (
        part.get_payload(decode=True).decode()
        for part in email.message_from_bytes(sent_emails[0].as_bytes()).walk()
        if part.get_content_maintype() == "text"
    )
    shown = re.search(r"^(\d{4} \d{4})$", text.replace("\r", ""), re.MULTILINE)[1]
    assert shown in html
    assert shown.replace(" ", "") == make_code(signature)
    answer = post(client, handle, f" {shown}\u00a0", thanks="jardin", locale="fr")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/p/jardin/thank-you?lang=fr"
    assert find().state == "confirmed"
    assert get_count(petition).confirmed == 1
    again = post(client, handle, shown)
    assert (again.status_code, again.headers["Location"][:4]) == (303, "/me/")
    assert get_count(petition).confirmed == 1


def test_the_address_after_the_form_stays_as_it_is_for_other_clients(client, petition):
    answer = client.post("/p/jardin/sign", data=make_form())
    assert answer.headers["Location"] == "/p/jardin/check-your-email"
    assert 'name="code"' not in client.get("/p/jardin/check-your-email").text


@pytest.mark.parametrize(
    "fields",
    [{}, {"email": "autre.personne@example.org"}, {"party": "organisation", "organisation": "A"}, {"website": "x"}],
)
def test_handles_are_alike_and_hide_what_they_stand_for(client, petition, fields):
    first, second = sign(client), sign(client, **fields)
    assert len(first) == len(second)
    assert first != second
    assert first[:20] != second[:20]
    assert re.fullmatch(r"[\w-]+", first)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_field_suits_phones_and_screen_readers_and_keeps_what_was_typed(client, petition, language):
    handle = sign(client)
    page = client.post(f"{PATH}?lang={language}", data={"handle": handle, "code": '12 "é'})
    assert page.status_code == 422
    field = re.search(r"<input [^>]*name=\"code\"[^>]*>", page.text, re.DOTALL)[0]
    for attribute in (
        'inputmode="numeric"',
        'autocomplete="one-time-code"',
        'aria-invalid="true"',
        "error-code",
        'value="12 &#34;é"',
    ):
        assert attribute in field
    assert 'role="alert"' in page.text
    assert f'name="handle" value="{handle}"' in page.text
    with force_locale(language):
        advice = gettext("This code does not work. Please check its digits, or use the link in the same email.")
        heading = gettext("There is a problem")
    assert advice in page.text
    assert heading in page.text


def prepare(client, state):
    """Sign, bring the signature into a state, and return its handle."""
    handle = sign(client)
    signature = find()
    if state == "exhausted":
        for _ in range(MAX_TRIES):
            post(client, handle, wrong_code(signature))
    elif state == "confirmed":
        confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
    elif state == "withdrawn":
        confirm_by_link(client, f"/c/{make_confirm_token(signature)}")
        withdraw(find())
    elif state == "disowned":
        disown(signature)
    elif state == "deleted":
        db.session.delete(signature)
    db.session.commit()
    return handle, make_code(signature)


STATES = ("pending", "exhausted", "confirmed", "withdrawn", "disowned", "deleted")


def shape(answer, handle):
    headers = sorted(item for item in answer.headers.items() if item[0] != "X-Request-ID")
    return answer.status_code, headers, answer.text.replace(handle, "")


@pytest.mark.parametrize("state", [*STATES, "made up", "of another petition"])
def test_every_answer_to_a_wrong_code_is_the_same(client, petition, state):
    reference_handle = sign(client, email="reference@example.org")
    reference = post(client, reference_handle, "0000 0000")
    if state == "made up":
        handle = "A" * len(reference_handle)
    elif state == "of another petition":
        make_petition(slug="autre")
        location = client.post("/p/autre/sign", data=make_form(show_address="1")).headers["Location"]
        handle = re.search(r"handle=([\w-]+)", location)[1]
    else:
        handle, _code = prepare(client, state)
    assert shape(post(client, handle, "0000 0000"), handle) == shape(reference, reference_handle)
    api = [client.post(API, json={"handle": one, "code": "0000 0000"}) for one in (handle, reference_handle)]
    assert (api[0].status_code, api[0].data) == (api[1].status_code, api[1].data) == (404, api[1].data)


@pytest.mark.parametrize("state", ["exhausted", "withdrawn", "disowned", "deleted"])
def test_the_right_code_of_a_signature_that_cannot_be_confirmed_is_answered_as_a_wrong_one(client, petition, state):
    handle, code = prepare(client, state)
    answer = post(client, handle, code)
    wrong = post(client, handle, code[::-1] if code != code[::-1] else "0")
    assert answer.status_code == 422
    assert answer.text.replace(code, "") == wrong.text.replace(code[::-1], "")
    assert get_count(petition).confirmed == 0


def test_tries_are_counted_exactly_however_many_come_at_once(app, client, petition):
    handle = sign(client)
    signature = find()
    wrong = wrong_code(signature)
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda n: post(app.test_client(), handle, wrong, f"203.0.{n}.1").status_code, range(25))
        )
    assert set(answers) == {422}
    assert db.session.query(CodeTries).filter_by(generation=1).one().tries == MAX_TRIES + 1
    assert post(client, handle, make_code(signature)).status_code == 422
    assert find().state == "pending"
    assert confirm_by_link(client, f"/c/{make_confirm_token(signature)}").status_code == 303


def test_the_tenth_try_still_counts(client, petition):
    handle = sign(client)
    for _ in range(MAX_TRIES - 1):
        post(client, handle, wrong_code(find()))
    assert post(client, handle, make_code(find())).status_code == 303


def test_another_handle_of_the_address_gives_no_more_tries(client, petition):
    for _ in range(MAX_TRIES):
        post(client, sign(client), "1")
    assert post(client, sign(client), make_code(find())).status_code == 422


def test_the_code_of_an_earlier_email_works_as_its_link_does(client, petition):
    handle = sign(client)
    first = make_code(find())
    signature = find()
    signature.generation = 2
    db.session.commit()
    assert make_code(find()) != first
    assert post(client, handle, first).status_code == 303


def test_the_code_of_a_void_link_does_not_work(client, petition):
    handle = sign(client)
    first = make_code(find())
    signature = find()
    signature.generation = signature.valid_from = 2
    db.session.commit()
    assert post(client, handle, first).status_code == 422


def test_code_and_handle_expire_with_the_link(client, petition, monkeypatch):
    handle = sign(client)
    days = client.application.config["CONFIRM_WITHIN"]
    later = clock.now() + timedelta(days=days, seconds=1)
    monkeypatch.setattr(codes.clock, "now", lambda: later)
    assert post(client, handle, make_code(find())).status_code == 422
    monkeypatch.undo()
    assert post(client, handle, make_code(find())).status_code == 303


def test_nobody_confirms_details_that_somebody_else_typed_meanwhile(client, petition):
    handle = sign(client)
    sign(client, name="Jean Autre")
    answer = client.post(f"{PATH}?lang=en", data={"handle": handle, "code": make_code(find())})
    assert answer.status_code == 409
    assert "have changed" in answer.text or "ont changé" in answer.text
    assert "Jean Autre" in answer.text
    assert find().state == "pending"
    assert client.post(API, json={"handle": handle, "code": make_code(find())}).status_code == 409


def test_a_closed_petition_says_so_to_the_holder_of_the_code_alone(client, petition):
    handle = sign(client)
    lifecycle.close(petition)
    petition.closed_at = clock.now() - timedelta(days=3)
    db.session.commit()
    assert post(client, handle, wrong_code(find())).status_code == 422
    assert post(client, handle, make_code(find())).status_code == 410


def test_a_key_rotation_keeps_handles_and_codes(client, petition):
    handle, config = sign(client), client.application.config
    code, before = make_code(find()), (config["SECRET_KEY"], config["SECRET_KEY_FALLBACKS"])
    config["SECRET_KEY"], config["SECRET_KEY_FALLBACKS"] = "n" * 40, [before[0]]
    try:
        assert post(client, handle, code).status_code == 303
    finally:
        config["SECRET_KEY"], config["SECRET_KEY_FALLBACKS"] = before


def test_the_api_answers_a_handle_to_who_asks_and_takes_the_code(client, petition):
    path = "/api/v1/petitions/jardin/signatures"
    assert client.post(path, json=make_form()).json == {"status": "check your email"}
    answer = client.post(path, json=make_form(with_handle=True))
    assert (answer.status_code, answer.json["status"]) == (202, "check your email")
    process_requests()
    assert client.post(API, json={"handle": answer.json["handle"]}).json["errors"].keys() == {"code"}
    assert client.post(API, json={}).json["errors"].keys() == {"token"}
    confirmed = client.post(API, json={"handle": answer.json["handle"], "code": make_code(find())})
    assert (confirmed.status_code, confirmed.json) == (200, {"status": "confirmed"})


@pytest.mark.slow
def test_counters_of_expired_codes_are_deleted_and_made_up_handles_fill_no_table(client, petition):
    for number in range(200):
        post(client, f"{number}", "1", f"203.0.{number}.1")
    assert db.session.query(CodeTries).count() <= codes.ROWS_OF_UNKNOWN_HANDLES
    assert delete_old_tries() == 0
    db.session.query(CodeTries).update({"started_at": clock.now() - timedelta(days=30)})
    assert delete_old_tries() > 0
    assert db.session.query(CodeTries).count() == 0
    db.session.commit()


@pytest.mark.slow
def test_tries_by_brute_force_confirm_nobody(client, petition):
    """40 signatures, all tries of each used: by chance, one in 250,000 such runs confirms one."""
    for number in range(40):
        signature = make_signature(petition, email=f"s{number}@example.org")
        location = client.post(
            "/p/jardin/sign",
            data=make_form(email=signature.email, show_address="1"),
            headers={"X-Forwarded-For": f"198.51.{number}.1"},
        ).headers["Location"]
        handle = re.search(r"handle=([\w-]+)", location)[1]
        for guess in range(MAX_TRIES):
            assert post(client, handle, f"{guess * 7919:08d}", f"203.0.{number}.1").status_code == 422
    assert get_count(petition).confirmed == 0


def test_a_wrong_code_costs_the_same_work_for_every_state(client, petition, monkeypatch):
    """Statements and codes compared; benchmarks are for time."""
    states = ("pending", "confirmed", "withdrawn", "invalidated", "none")
    handles = {state: sign(client, email=f"{state}@example.org") for state in states}
    for state in ("confirmed", "withdrawn", "invalidated"):
        find(f"{state}@example.org").state = state
        db.session.commit()
    db.session.delete(find("none@example.org"))
    db.session.commit()
    work, record = {}, []

    def note(_connection, _cursor, statement, *_):
        record.append(statement)

    def count_code(*args):
        record.append("code")
        return make_code(*args)

    monkeypatch.setattr(codes, "make_code", count_code)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for state, handle in handles.items():
            record.clear()
            assert post(client, handle, "1").status_code == 422
            work[state] = list(record)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert work["pending"].count("code") == codes.MAX_CODES
    assert all(work[state] == work["pending"] for state in states), work
