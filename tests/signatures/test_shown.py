import pytest
from factories import make_petition, make_signature
from sqlalchemy import text

from petition.core.db import db
from petition.signatures.shown import FINGERPRINT, fingerprint, salt


def worked_out(signature):
    """Return the fingerprint as the database works it out."""
    query = text(f"SELECT {FINGERPRINT} FROM signatures AS s WHERE id = :id")
    return db.session.scalar(query, {"id": signature.id, "salt": salt(signature.id)})


SIGNERS = (
    {},
    {"name": "Ὀδυσσεύς 'O\"Brien\\", "profession": "Avocate, (ancienne)", "city": "L'Haÿ-les-Roses", "listed": True},
    {"party": "organisation", "organisation": "100 % Jardin; {a}", "updates": True, "email": "À@exemple.fr"},
)


@pytest.mark.parametrize("fields", SIGNERS)
def test_the_database_and_the_page_agree_on_what_was_shown(app, fields):
    signature = make_signature(make_petition(), **fields)
    assert worked_out(signature) == fingerprint(signature)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Zoé Martine"},
        {"profession": "Juge"},
        {"city": ""},
        {"listed": True},
        {"email": "zoé@example.org"},
        {"organisation": "Jardin", "profession": None},
    ],
)
def test_whatever_changes_shows(app, change):
    signature = make_signature(make_petition())
    before = fingerprint(signature)
    for name, value in change.items():
        setattr(signature, name, value)
    db.session.commit()
    assert worked_out(signature) == fingerprint(signature) != before


def test_the_same_details_are_not_the_same_fingerprint_for_another(app):
    petition = make_petition()
    one, other = make_signature(petition), make_signature(petition, party="organisation", organisation="Jardin")
    for name in ("party", "organisation"):
        setattr(other, name, getattr(one, name))
    assert fingerprint(one) != fingerprint(other)
    db.session.rollback()
