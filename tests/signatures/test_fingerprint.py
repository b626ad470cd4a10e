import pytest
from sqlalchemy import text
from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.signatures.fingerprint import FINGERPRINT_SQL, compute_fingerprint, derive_salt


def fingerprint_in_sql(signature):
    """Return the fingerprint as the database works it out."""
    query = text(f"SELECT {FINGERPRINT_SQL} FROM signatures AS s WHERE id = :id")
    return db.session.scalar(query, {"id": signature.id, "salt": derive_salt(signature.id)})


SIGNER_FIELDS = (
    {},
    {"name": "Ὀδυσσεύς 'O\"Brien\\", "profession": "Avocate, (ancienne)", "city": "L'Haÿ-les-Roses", "listed": True},
    {"party": "organisation", "organisation": "100 % Jardin; {a}", "updates": True, "email": "À@exemple.fr"},
)


@pytest.mark.parametrize("fields", SIGNER_FIELDS)
def test_the_database_and_the_page_agree_on_what_was_shown(app, fields):
    signature = make_signature(make_petition(), **fields)
    assert fingerprint_in_sql(signature) == compute_fingerprint(signature)


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
    before = compute_fingerprint(signature)
    for name, value in change.items():
        setattr(signature, name, value)
    db.session.commit()
    assert fingerprint_in_sql(signature) == compute_fingerprint(signature) != before


def test_the_same_details_are_not_the_same_fingerprint_for_another(app):
    petition = make_petition()
    one, other = make_signature(petition), make_signature(petition, party="organisation", organisation="Jardin")
    for name in ("party", "organisation"):
        setattr(other, name, getattr(one, name))
    assert compute_fingerprint(one) != compute_fingerprint(other)
    db.session.rollback()
