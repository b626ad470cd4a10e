"""Any input is either normalised or rejected with a message."""

import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from petition.core.exceptions import ValidationError
from petition.core.i18n import LANGUAGES
from petition.petitions.models import Petition
from petition.signatures.validation import MAX_CHARACTERS, clean_text, validate_details

thorough = settings(max_examples=300)


@thorough
@given(st.sampled_from(sorted(MAX_CHARACTERS)), st.text(max_size=250))
@example("name", "Zoé   Martin")
@example("name", "e\u0301")
def test_any_text_is_normalised_or_rejected(app, field, typed):
    try:
        cleaned = clean_text(typed, field)
    except ValueError:
        return
    if cleaned is None:
        assert not typed.split()
        return
    assert clean_text(cleaned, field) == cleaned, "idempotent"
    assert 0 < len(cleaned) <= MAX_CHARACTERS[field]
    assert unicodedata.normalize("NFC", cleaned) == cleaned
    assert not {"Cc", "Cs"} & {unicodedata.category(c) for c in cleaned}
    assert "://" not in cleaned


anything = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.text(max_size=3), max_size=2)
PETITION = Petition(asks=["profession", "city", "postal_code", "country"], accepts_organisations=True)
FIELDS = (
    "party",
    "name",
    "organisation",
    "email",
    "profession",
    "city",
    "postal_code",
    "country",
    "listed",
    "updates",
    "locale",
)


@thorough
@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_any_form_is_validated_field_by_field(app, form):
    try:
        details = validate_details(PETITION, form)
    except ValidationError as error:
        messages = error.errors
    else:
        messages = {}
        assert details.name
        assert details.locale in LANGUAGES
    assert all(messages.values())
