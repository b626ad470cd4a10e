"""Whoever guesses codes confirms nothing beyond chance, and learns of nobody whether they signed."""

import os
import random
import threading
from collections import Counter
from unittest.mock import patch

import pytest
from sqlalchemy import event, text
from support.factories import confirm_by_link, make_form, make_petition, make_signature

from petition.core.db import db
from petition.delivery.worker import run_queue
from petition.signatures.confirm import disown
from petition.signatures.confirmation_codes import codes
from petition.signatures.confirmation_codes.code_handles import DIGEST_BYTES, Handle, make_handle, seal
from petition.signatures.confirmation_codes.codes import CODE_DIGITS, MAX_TRIES, WrongCode, confirm_by_code, make_code
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.request_models import CodeTries
from petition.signatures.staff.invalidate import invalidate
from petition.signatures.staff.quarantine import quarantine
from petition.signatures.validation import validate_details

PATH = "/p/jardin/code"
API = "/api/v1/confirmations"
WRONG = "0000 0000"
# What may have become of an address, with what brings a signature there; nobody knows the last.
FATES = (
    "pending", "confirmed", "quarantined", "withdrawn", "invalidated", "disowned", "erased", "deleted", "never seen",
)  # fmt: skip
GUESSED = int(os.environ.get("GUESSED", "1000"))  # signatures; 10,000 take some minutes


def make_signatures(petition, number):
    """Make pending signatures at once, and return the handles of those who signed."""
    statement = text("""
        INSERT INTO signatures (petition_id, state, generation, valid_from, party, name, listed, updates, locale, email,
            email_canonical, source, created_at, requested_at)
        SELECT :petition, 'pending', 1, 1, 'person', 'Zoé', false, false, 'fr', n || '@example.org',
            n || '@example.org', 'page', now(), now()
        FROM generate_series(1, :number) AS n
    """)
    db.session.execute(statement, {"petition": petition.id, "number": number})
    db.session.commit()
    details = bytes(DIGEST_BYTES)
    return [seal(Handle(petition.id, "person", f"{n}@example.org", details)) for n in range(1, number + 1)]


@pytest.mark.parametrize("number", [100, pytest.param(GUESSED, marks=pytest.mark.slow)])
def test_guessing_with_all_tries_confirms_nothing(app, number):
    """The chance that one of 10,000 is guessed is 10,000 × 10 in 100,000,000: one in a thousand."""
    petition = make_petition()
    handles = make_signatures(petition, number)
    chance = random.Random(number)
    outcomes = Counter()
    for handle in handles:
        for guess in chance.sample(range(10**CODE_DIGITS), MAX_TRIES):
            try:
                confirm_by_code(handle, f"{guess:0{CODE_DIGITS}d}", [], petition.id)
                outcomes["confirmed"] += 1
            except WrongCode:
                outcomes["wrong"] += 1
    assert outcomes == {"wrong": number * MAX_TRIES}
    assert db.session.query(Signature).filter_by(state="pending").count() == number
    assert db.session.query(CodeTries).filter_by(tries=MAX_TRIES).count() == number
    for signature, handle in zip(db.session.query(Signature).order_by(Signature.id).limit(20), handles, strict=False):
        with pytest.raises(WrongCode):  # even the right one is of no use any more
            confirm_by_code(handle, make_code(signature), [], petition.id)


def bring(client, petition, fate):
    """Let somebody sign and come to a fate; return the handle of their request."""
    address = f"{fate.replace(' ', '-')}@example.org"
    handle = make_handle(petition.id, validate_details(petition, make_form(email=address)))
    if fate == "never seen":
        return handle
    signature = make_signature(petition, email=address)
    run_queue("confirmations")
    db.session.refresh(signature)
    if fate in ("confirmed", "quarantined", "withdrawn", "invalidated", "erased"):
        assert confirm_by_link(client, f"/c/{make_confirm_token(signature)}").status_code == 303
        db.session.refresh(signature)
    act = {
        "quarantined": quarantine, "withdrawn": withdraw, "invalidated": invalidate, "disowned": disown,
        "erased": erase,
    }.get(fate)  # fmt: skip
    if act:
        act(signature)
    elif fate == "deleted":
        db.session.delete(signature)
    db.session.commit()
    return handle


def count_statements(act):
    """Return what an action answers, and the statements about signers that it had run, on every connection."""
    statements = []
    run, thread = codes.execute_autocommit, threading.get_ident()

    def execute(statement, values):
        statements.append(str(statement))
        return run(statement, values)

    def note(_connection, _cursor, statement, *_rest):
        # Petitions are cached, the client of the tests processes requests to sign, other threads do other things.
        is_other = "FROM petition" in statement or "sign_requests" in statement
        if not is_other and threading.get_ident() == thread:
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with patch.object(codes, "execute_autocommit", execute):
            return act(), statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_nobody_learns_from_a_wrong_code_what_became_of_an_address(client, sent_emails):
    petition = make_petition()
    handles = {fate: bring(client, petition, fate) for fate in FATES}
    seen = {}
    for fate, handle in handles.items():
        page, statements = count_statements(
            lambda handle=handle: client.post(PATH, data={"handle": handle, "code": WRONG})
        )
        answer, api_statements = count_statements(
            lambda handle=handle: client.post(API, json={"handle": handle, "code": WRONG})
        )
        headers = [
            sorted((name, value) for name, value in one.headers if name != "X-Request-ID") for one in (page, answer)
        ]
        seen[fate] = (
            page.status_code, page.text.replace(handle, ""), headers[0], statements,
            answer.status_code, answer.text, headers[1], api_statements,
        )  # fmt: skip
    reference = seen.pop("never seen")
    assert (reference[0], reference[4]) == (422, 404)
    assert len(reference[3]) == 1, "one statement, which counts the try"
    for fate, answers in seen.items():
        assert answers == reference, fate
