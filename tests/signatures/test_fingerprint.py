import pytest
from support.factories import make_petition, make_signature

from petition.core.db import db, execute_autocommit
from petition.petitions.statistics.models import COUNTER_SLOTS
from petition.signatures.fingerprint import compute_fingerprint, derive_salt
from petition.signatures.queries import CONFIRM_BY_LINK_SQL


def database_accepts(signature, fingerprint):
    """Return whether the statement that confirms computes this fingerprint; if so, the signature is confirmed."""
    values = {"id": signature.id, "generation": signature.generation, "seen": fingerprint,
              "salt": derive_salt(signature.id), "counter_slots": COUNTER_SLOTS, "networks": [],
              "is_read": True}  # fmt: skip
    return execute_autocommit(CONFIRM_BY_LINK_SQL, values) is not None


SIGNER_FIELDS = (
    {},
    {"name": "Ὀδυσσεύς 'O\"Brien\\", "profession": "Avocate, (ancienne)", "city": "L'Haÿ-les-Roses", "listed": True},
    {"party": "organisation", "organisation": "100 % Jardin; {a}", "updates": True, "email": "À@exemple.fr"},
)


@pytest.mark.parametrize("fields", SIGNER_FIELDS)
def test_the_database_and_python_compute_the_same_fingerprint(app, fields):
    signature = make_signature(make_petition(), **fields)
    fingerprint = compute_fingerprint(signature)
    assert not database_accepts(signature, fingerprint[::-1])
    assert database_accepts(signature, fingerprint)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Zoé Martine"},
        {"profession": "Juge"},
        {"city": ""},
        {"listed": True},
        {"updates": True},
        {"party": "organisation"},
        {"email": "zoé@example.org"},
        {"organisation": "Jardin", "profession": None},
    ],
)
def test_every_changed_detail_changes_the_fingerprint(app, change):
    signature = make_signature(make_petition())
    before = compute_fingerprint(signature)
    for name, value in change.items():
        setattr(signature, name, value)
    db.session.commit()
    after = compute_fingerprint(signature)
    assert after != before
    assert not database_accepts(signature, before)
    assert database_accepts(signature, after)


def test_two_signatures_with_the_same_details_have_different_fingerprints(app):
    petition = make_petition()
    one, other = make_signature(petition), make_signature(petition, party="organisation", organisation="Jardin")
    for name in ("party", "organisation"):
        setattr(other, name, getattr(one, name))
    assert compute_fingerprint(one) != compute_fingerprint(other)
    db.session.rollback()
